#!/bin/sh
# Makes the caller's lines in caller/, as mu-law at 8 kHz: a carrier's own format.
#
# The voice is "rms" of the CMU Arctic voices as packaged with flite 2 (Debian: apt-get install flite sox). Its licence is
# CMU's, in the manner of BSD: use, copying and redistribution are free, also of what it speaks, with the notice kept:
#   Copyright (c) 1999-2016 Language Technologies Institute, Carnegie Mellon University. All rights reserved.
# The recordings are made once and kept, so that nobody needs flite to run the example.
set -eu
cd "$(dirname "$0")"
mkdir -p caller
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT

# say FILE TEXT: one line, without the synthesiser's own silence at either end.
say() {
    flite -voice rms --setf duration_stretch=1.1 -t "$2" -o "$room/raw.wav"
    sox -q "$room/raw.wav" -r 8000 "$1" norm -4 silence 1 0.02 0.3% reverse silence 1 0.02 0.3% reverse pad 0.05 0.1
}

# line NAME TEXT: a line of the conversation.
line() {
    say "$room/line.wav" "$2"
    sox -q "$room/line.wav" -e mu-law -b 8 "caller/$1.wav"
}

# halting NAME TEXT SECONDS TEXT: a line with a pause for thought in it.
halting() {
    say "$room/one.wav" "$2"
    say "$room/two.wav" "$4"
    sox -q "$room/one.wav" "$room/gap.wav" pad 0 "$3"
    sox -q "$room/gap.wav" "$room/two.wav" -e mu-law -b 8 "caller/$1.wav"
}

line 1-book "Hello. I would like to book an appointment, please."
halting 2-day "I would like to come on" 0.7 "Tuesday morning, please."
line 3-hours "Can you tell me your opening hours, please?"
line 4-time "At half past ten, please."
line 5-name "My name is Daniel Carter."
line 6-change "Sorry, can we make it eleven o'clock?"
line 7-yes "Yes, that is right."
line 8-price "What does a check-up cost?"
line 9-goodbye "No, thank you. That is all. Goodbye."
