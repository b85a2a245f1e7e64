#!/usr/bin/env python3
"""Opens connections and never says a word, to use up what a server has of them.

usage: loiter.py ADDRESS PORT READY_FILE

Opens connections until the server greets no more, and a new one whenever the
server has ended one. Writes its process id to READY_FILE when the server is full.
"""

import os
import select
import socket
import sys

# As sshd does, which says so instead of its banner.
FULL = b"Exceeded"


def main():
    address = (sys.argv[1], int(sys.argv[2]))
    held = set()
    told = False
    while True:
        peer = socket.create_connection(address, timeout=60)
        if not peer.recv(256).startswith(FULL):
            held.add(peer)
            continue
        peer.close()
        if not told:
            told = True
            with open(sys.argv[3], "w", encoding="ascii") as ready:
                ready.write(f"{os.getpid()}\n")
        # One that the server ends can be read; its place is taken again.
        for ended in select.select(list(held), [], [], 1)[0]:
            held.discard(ended)
            ended.close()


main()
