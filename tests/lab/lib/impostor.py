#!/usr/bin/env python3
"""Stands where a server should, and misbehaves in one way.

usage: impostor.py ADDRESS PORT MANNER READY_FILE

ssh-banner     an SSH banner, then silence
slow-headers   an HTTP answer, one byte a second
endless-body   an HTTP answer whose body never ends
cut-off        an HTTP answer that ends in the middle of its body

Writes its process id to READY_FILE once it listens.
"""

import os
import socket
import sys
import threading
import time

HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def ssh_banner(peer):
    peer.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
    while peer.recv(4096):
        pass


def slow_headers(peer):
    peer.recv(4096)
    for byte in HEADERS:
        peer.sendall(bytes([byte]))
        time.sleep(1)


def endless_body(peer):
    peer.recv(4096)
    peer.sendall(HEADERS + b"\r\n")
    # Slow enough that the time ends it before any cap on its size.
    while True:
        peer.sendall(b"x" * 1024)
        time.sleep(0.01)


def cut_off(peer):
    peer.recv(4096)
    peer.sendall(HEADERS + b'Content-Length: 100\r\n\r\n{"status":')


MANNERS = {
    "ssh-banner": ssh_banner,
    "slow-headers": slow_headers,
    "endless-body": endless_body,
    "cut-off": cut_off,
}


def serve(peer, manner):
    try:
        manner(peer)
    except OSError:
        pass  # the client had enough
    finally:
        peer.close()


def main():
    manner = MANNERS[sys.argv[3]]
    listener = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=64)
    with open(sys.argv[4], "w", encoding="ascii") as ready:
        ready.write(f"{os.getpid()}\n")
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=serve, args=(peer, manner), daemon=True).start()


main()
