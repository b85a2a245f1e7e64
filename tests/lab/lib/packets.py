#!/usr/bin/env python3
"""What leaves the operator's machine for the LAN, told by its network card.

usage: packets.py INTERFACE <PIPE

Prints "ready" once it listens. When the pipe ends, it prints what was sent until
then, a line each in the order of sending, and last "lost N":

  tcp ADDRESS:PORT    a connection that was begun; its SYN sent again is no second one
  udp ADDRESS:PORT    a datagram
  icmp ADDRESS        an echo request
  other TEXT          anything else that is neither part of a connection nor ARP
"""

import os
import select
import socket
import struct
import sys

ETH_P_ALL = 0x0003
PACKET_OUTGOING = 4
SOL_PACKET, PACKET_STATISTICS = 263, 6
SO_RCVBUFFORCE = 33
SYN, ACK = 0x02, 0x10


def told(frame, begun):
    """The line of a frame, or None."""
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == 0x0806:
        return None
    if kind != 0x0800:
        return f"other frame {kind:#06x}"
    packet = frame[14:]
    data = packet[(packet[0] & 15) * 4 :]
    address = socket.inet_ntoa(packet[16:20])
    if packet[9] == 6:
        source, port = struct.unpack_from("!HH", data)
        if data[13] & (SYN | ACK) != SYN or (source, address, port) in begun:
            return None
        begun.add((source, address, port))
        return f"tcp {address}:{port}"
    if packet[9] == 17:
        return f"udp {address}:{struct.unpack_from('!H', data, 2)[0]}"
    if packet[9] == 1 and data[0] == 8:
        return f"icmp {address}"
    return f"other protocol {packet[9]} to {address}"


def main():
    card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    card.bind((sys.argv[1], 0))
    card.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    card.setblocking(False)
    # Packets of other cards, from before the bind, are none of ours.
    try:
        while True:
            card.recv(1)
    except BlockingIOError:
        card.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
    print("ready", flush=True)
    lines, begun, open_ = [], set(), True
    while open_:
        heard, _, _ = select.select([card, sys.stdin], [], [])
        open_ = sys.stdin not in heard or bool(os.read(sys.stdin.fileno(), 4096))
        # Also after the end: what was sent before it is in the queue.
        while True:
            try:
                frame, source = card.recvfrom(65535)
            except BlockingIOError:
                break
            line = told(frame, begun) if source[2] == PACKET_OUTGOING else None
            if line:
                lines.append(line)
    _, lost = struct.unpack("II", card.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
    print("\n".join(lines + [f"lost {lost}"]))


if __name__ == "__main__":
    main()
