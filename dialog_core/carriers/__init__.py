"""Building blocks for the plugins of telephone carriers; nothing in here knows one of them.

A carrier whose calls come as a media socket beside signed webhooks can use:

- `answers`: what was said to a call's webhook, to be said again; what is known of calls that we placed.
- `desk`: a form that comes by HTTP is checked, read and answered.
- `documents`: the XML with which carriers are told what to do with a call.
- `lines`: the calls that this process holds, from their media sockets to their end.
- `messages`: messages of a kind that nobody knows.
- `oddities`: what should not come on a media socket, noted once.
- `owed`: callbacks that are still to come, some of them after the caller has gone.
- `patience`, `rest`: asking a REST interface again, and reading what it answers.
- `verbs`: what is the same in the verbs of all lines.
- `wire`: what a line's two directions share: its stream, its marks, and what is being done with it.
"""
