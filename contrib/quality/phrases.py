"""What the callers of the corpus say. A bar marks where a synthesised caller pauses."""

from __future__ import annotations

__all__ = [
    "BACKCHANNELS",
    "FINISHED",
    "HESITATING",
    "INTERRUPTIONS",
    "PAUSING",
    "PROMPTS",
    "PROMPT_INTERRUPTIONS",
    "SEVERAL",
    "SHORT",
]

PROMPTS = tuple(
    """conf-extended conf-invalidpin conf-kicked conf-leaderhasleft conf-noempty conf-nonextended
    conf-now-recording conf-onlyone conf-onlyperson conf-placeintoconf conf-waitforleader conf-getpin
    confbridge-begin-leader confbridge-invalid confbridge-only-participant confbridge-pin-bad confbridge-removed
    cannot-complete-as-dialed check-number-dial-again demo-nomatch dir-nomatch dir-nomore enter-num-blacklist
    entr-num-rmv-blklist feature-not-avail-line followme/sorry number-not-answering please-try-call-later
    pls-hold-while-try priv-recordintro privacy-incorrect privacy-unident queue-youarenext
    sorry-youre-having-problems something-terribly-wrong speed-dial-empty transfer vm-dialout
    vm-enter-num-to-call vm-mailboxfull vm-msgforwarded vm-msgsaved vm-nobodyavail vm-nobox vm-nonumber
    vm-passchanged vm-rec-name vm-savefolder vm-sorry vm-tempgreetactive vm-tempremoved vm-tmpexists
    vm-tocallback tt-weasels vm-undelete vm-next vm-prev vm-repeat vm-tomakecall vm-delete""".split()
)
"""Human: whole sentences of the prompts."""
SEVERAL = tuple(
    """agent-alreadyon conf-invalid demo-thanks followme/status invalid pbx-invalid pbx-invalidpark
    pm-invalid-option priv-introsaved privacy-prompt queue-periodic-announce ss-noservice tt-allbusy
    vm-intro vm-invalid-password vm-invalidpassword vm-mismatch vm-newpassword vm-newuser vm-options
    vm-opts vm-record-prepend vm-rec-busy vm-rec-temp vm-review vm-forward vm-instructions
    confbridge-mute-extended confbridge-lock-extended demo-echotest""".split()
)
"""Human: prompts with pauses of their own, between and within sentences."""
FINISHED = (
    "I'd like to book a table for two.",
    "Can you tell me your opening hours?",
    "My appointment is on Thursday.",
    "I lost my card yesterday.",
    "What does it cost to change the date?",
    "Could you send me the invoice again?",
    "I want to speak to a human.",
    "The delivery never arrived.",
    "It's about my last bill.",
    "Do you have anything on Friday morning?",
    "I need to cancel my subscription.",
    "My name is Robert Miller.",
    "We are four adults and one child.",
    "The internet stopped working this morning.",
    "How long will it take?",
    "I'd prefer the afternoon.",
    "Is there parking near the hotel?",
    "I already paid for that.",
    "Please call me back tomorrow.",
    "That sounds good to me.",
    "I have a question about my insurance.",
    "Where is your office?",
    "I would like to order two pizzas.",
    "The code does not work.",
    "Can I bring my dog?",
    "It was supposed to come last week.",
    "I think there has been a mistake.",
    "I'm calling because the heating is broken.",
    "Does the price include breakfast?",
    "We arrive late in the evening.",
    "Could I have a window seat?",
    "I've been waiting for half an hour.",
    "You can reach me at this number.",
    "I forgot my password.",
    "Let me think about it.",
    "Nothing else, thank you.",
    "The second one is fine.",
    "I moved to a new address.",
    "Tell me more about the premium plan.",
    "I'd rather not say.",
)
SHORT = (
    "Yes.", "No.", "Yes, please.", "No, thank you.", "Tomorrow.", "At noon.", "Two.", "On Monday.", "Correct.",
    "That's all.", "Thank you.", "Goodbye.", "Half past six.", "Anytime.", "Maybe later.", "Robert.",
)  # fmt: skip
PAUSING = (
    "I'd like to book a table | for four people on Friday.",
    "Can you tell me | if you are open on Sunday?",
    "My appointment is on Thursday | but I need to move it.",
    "I lost my card | somewhere in the city.",
    "I want to change | my delivery address.",
    "Could you send the invoice | to my new address?",
    "It's about my last bill | which is far too high.",
    "We are four adults | and one child.",
    "The internet stopped working | about an hour ago.",
    "I'd prefer the afternoon | if that is possible.",
    "I need a room | with a view of the sea.",
    "I called yesterday | and nobody answered.",
    "Please put me through | to the billing department.",
    "I have a question | about my insurance.",
    "My name is | Robert Miller.",
    "I'd like to speak with | the manager.",
    "Is it possible to | pay by card?",
    "I'm looking for a | cheap flight to Rome.",
    "We need the | bigger room this time.",
    "I wanted to ask whether | you deliver on weekends.",
)
HESITATING = (
    "I'd like to, um, | change my booking.",
    "My name is, uh, | Miller.",
    "It was, um, | last Tuesday I think.",
    "I need, um, | two tickets for the evening.",
    "So, um, | I have a problem with my order.",
    "We would like, uh, | the bigger room.",
    "Let me see, um, | the twelfth would be fine.",
    "I'm calling about, uh, | my invoice.",
    "The address is, um, | fourteen Park Street.",
    "Could you, uh, | repeat that please?",
)
BACKCHANNELS = (
    "Mhm.", "Mm-hmm.", "Uh-huh.", "Yeah.", "Okay.", "Right.", "I see.", "Oh, okay.", "Sure.", "Aha.", "Yes.",
    "Got it.", "Hm.", "All right.", "Yeah, yeah.", "Great.",
)  # fmt: skip
INTERRUPTIONS = (
    "Wait.", "Stop.", "No.", "No, stop.", "Hold on.", "Hang on a second.", "Wait a minute.", "Excuse me.",
    "Sorry, can I ask something?", "Actually, I meant Thursday.", "No, that's not what I want.",
    "Yes, but I already paid for that.", "Okay, but what does it cost?", "Can I speak to a human?",
    "I don't understand.", "What did you say?", "Hold on, I need to find my card.",
    "That is the wrong address.", "Let me stop you there, I only need the price.", "Hello?",
)  # fmt: skip
PROMPT_INTERRUPTIONS = (
    "im-sorry", "one-moment-please", "vm-sorry", "something-terribly-wrong", "sorry-youre-having-problems",
    "privacy-incorrect", "conf-getpin", "hello", "please-try-again", "vm-nonumber", "number-not-answering",
    "followme/pls-hold-while-try", "vm-rec-name", "cannot-complete-as-dialed", "pbx-invalid", "vm-savefolder",
    "transfer", "conf-invalidpin",
)  # fmt: skip
