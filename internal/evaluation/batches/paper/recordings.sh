#!/bin/sh
# Makes the two recordings of the batch "paper" from the words below: recordings.sh DIRECTORY.
# Needs espeak-ng and ffmpeg with libmp3lame. The words stand here and in the checks, never in a file that a model is given.
set -eu
to=${1:?usage: recordings.sh DIRECTORY}

# say NAME VOICE WORDS-PER-MINUTE, the words on standard input; 22050 Hz mono, MP3 at 32 kbit/s.
say() {
	espeak-ng -v "$2" -s "$3" -g 4 --stdout |
		ffmpeg -loglevel error -y -i - -ac 1 -ar 22050 -codec:a libmp3lame -b:a 32k -write_xing 0 -id3v2_version 0 -map_metadata -1 -fflags +bitexact -flags:a +bitexact "$to/$1"
}

say recording-1.mp3 en-us 140 <<'WORDS'
Hello. I have a small wish about music.
Please open the web site of a music service, such as Q Q Music, or another one that plays songs without an account.
Search there for the song Shake It Off, by Taylor Swift, and start to play it.
When it is playing, take a picture of the page, and save it as player dot P N G.
Then tell me three things: the album of the song, how long the song is, and the address of the page.
Thank you.
WORDS

say recording-2.mp3 en-gb+f3 150 <<'WORDS'
Good evening. This is a message for my assistant.
Find the song Shape of You, by Ed Sheeran, on the web site of a music service. Q Q Music is fine, and so is any other that plays songs without an account.
Play the song there. While it plays, save a picture of the page in the file player dot P N G.
Report the album that the song belongs to, the length of the song in minutes and seconds, and the address of the page.
That is all.
WORDS
