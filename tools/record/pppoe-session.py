"""A PPPoE session on an interface without anybody at its other end, and a PPP unit over it, until this ends.

    pppoe-session.py INTERFACE
"""

import ctypes
import fcntl
import os
import signal
import struct
import sys

AF_PPPOX, PX_PROTO_OE = 24, 0
PPPIOCGCHAN, PPPIOCATTCHAN = 0x80047437, 0x40047438
PPPIOCNEWUNIT, PPPIOCCONNECT = 0xC004743E, 0x4004743A

libc = ctypes.CDLL(None, use_errno=True)
session = libc.socket(AF_PPPOX, 1, PX_PROTO_OE)
# struct sockaddr_pppox, packed: family, protocol, and of PPPoE the session, the other end, the interface
address = struct.pack("=HI", AF_PPPOX, PX_PROTO_OE) + struct.pack(
    "!H6s16s", 1, bytes.fromhex("525400123456"), sys.argv[1].encode()
)
if session < 0 or libc.connect(session, address, len(address)) < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
channel = struct.unpack("i", fcntl.ioctl(session, PPPIOCGCHAN, struct.pack("i", 0)))[0]
attached, unit = os.open("/dev/ppp", os.O_RDWR), os.open("/dev/ppp", os.O_RDWR)
fcntl.ioctl(attached, PPPIOCATTCHAN, struct.pack("i", channel))
number = fcntl.ioctl(unit, PPPIOCNEWUNIT, struct.pack("i", -1))
fcntl.ioctl(attached, PPPIOCCONNECT, number)
signal.pause()
