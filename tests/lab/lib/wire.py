#!/usr/bin/env python3
"""A bad cable: passes Ethernet frames between two ports, late or not at all.

usage: wire.py HOST_PORT OTHER_PORT DELAY_MS LOSS_PERCENT READY_FILE

Does in user space what `tc netem` does, because that queue is missing from some
kernels. As there, only what the host sends is held for DELAY_MS, and dropped
with the given chance. Writes its process id to READY_FILE once frames pass.
"""

import collections
import os
import random
import selectors
import socket
import sys
import time

ETH_P_ALL = 0x0003
PACKET_OUTGOING = 4


def port(name):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    wire.bind((name, 0))
    wire.setblocking(False)
    return wire


def forward(wire, frame):
    try:
        wire.send(frame)
    except OSError:
        pass  # the port is down: an unplugged cable loses frames


def main():
    host, other = port(sys.argv[1]), port(sys.argv[2])
    delay = float(sys.argv[3]) / 1000
    loss = float(sys.argv[4]) / 100
    # One delay for all keeps the frames in order, so a plain queue will do.
    held = collections.deque()
    ready = selectors.DefaultSelector()
    ready.register(host, selectors.EVENT_READ, other)
    ready.register(other, selectors.EVENT_READ, host)
    with open(sys.argv[5], "w", encoding="ascii") as ready_file:
        print(os.getpid(), file=ready_file)
    while True:
        wait = max(0.0, held[0][0] - time.monotonic()) if held else None
        for key, _ in ready.select(wait):
            while True:
                try:
                    frame, source = key.fileobj.recvfrom(65535)
                except BlockingIOError:
                    break
                # The socket also sees what was sent through it.
                if source[2] == PACKET_OUTGOING:
                    continue
                if key.fileobj is other:
                    forward(host, frame)
                elif random.random() >= loss:
                    held.append((time.monotonic() + delay, frame))
        now = time.monotonic()
        while held and held[0][0] <= now:
            forward(other, held.popleft()[1])


if __name__ == "__main__":
    main()
