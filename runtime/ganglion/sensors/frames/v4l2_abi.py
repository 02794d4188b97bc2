# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of Linux's videodev2.h that capturing needs: structures, and numbers of requests made of their sizes."""

import ctypes
import os

#: V4L2_BUF_TYPE_VIDEO_CAPTURE, V4L2_MEMORY_MMAP, V4L2_FIELD_ANY.
CAPTURE, MMAP, ANY_FIELD = 1, 1, 0
#: V4L2_CAP_VIDEO_CAPTURE; V4L2_BUF_FLAG_ERROR, and _TIMESTAMP_MONOTONIC.
CAN_CAPTURE, DAMAGED, MONOTONIC = 0x1, 0x40, 0x2000


def four_cc(code: str) -> int:
    """A pixel format's number, of its four letters."""
    return int.from_bytes(code.encode(), "little")


class Capability(ctypes.Structure):
    """struct v4l2_capability."""

    _fields_ = [
        ("driver", ctypes.c_char * 16),
        ("card", ctypes.c_char * 32),
        ("bus_info", ctypes.c_char * 32),
        ("version", ctypes.c_uint32),
        ("capabilities", ctypes.c_uint32),
        ("device_caps", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 3),
    ]


class FormatDescription(ctypes.Structure):
    """struct v4l2_fmtdesc."""

    _fields_ = [
        ("index", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("description", ctypes.c_char * 32),
        ("pixelformat", ctypes.c_uint32),
        ("mbus_code", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 3),
    ]


class PixelFormat(ctypes.Structure):
    """struct v4l2_pix_format."""

    _fields_ = [
        (name, ctypes.c_uint32)
        for name in (
            "width",
            "height",
            "pixelformat",
            "field",
            "bytesperline",
            "sizeimage",
            "colorspace",
            "priv",
            "flags",
            "ycbcr_enc",
            "quantization",
            "xfer_func",
        )
    ]


class _Window(ctypes.Structure):
    """What has pointers in struct v4l2_format's union: they align it."""

    _fields_ = [("clips", ctypes.c_void_p)]


class _FormatUnion(ctypes.Union):
    _fields_ = [("pix", PixelFormat), ("win", _Window), ("raw_data", ctypes.c_uint8 * 200)]


class Format(ctypes.Structure):
    """struct v4l2_format."""

    _fields_ = [("type", ctypes.c_uint32), ("fmt", _FormatUnion)]


class CaptureParameters(ctypes.Structure):
    """struct v4l2_captureparm: seconds of a frame are numerator through denominator."""

    _fields_ = [
        ("capability", ctypes.c_uint32),
        ("capturemode", ctypes.c_uint32),
        ("numerator", ctypes.c_uint32),
        ("denominator", ctypes.c_uint32),
        ("extendedmode", ctypes.c_uint32),
        ("readbuffers", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 4),
    ]


class _ParametersUnion(ctypes.Union):
    _fields_ = [("capture", CaptureParameters), ("raw_data", ctypes.c_uint8 * 200)]


class Parameters(ctypes.Structure):
    """struct v4l2_streamparm."""

    _fields_ = [("type", ctypes.c_uint32), ("parm", _ParametersUnion)]


class RequestBuffers(ctypes.Structure):
    """struct v4l2_requestbuffers."""

    _fields_ = [
        ("count", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("memory", ctypes.c_uint32),
        ("capabilities", ctypes.c_uint32),
        ("flags", ctypes.c_uint8),
        ("reserved", ctypes.c_uint8 * 3),
    ]


class _Time(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("microseconds", ctypes.c_long)]


class _TimeCode(ctypes.Structure):
    _fields_ = [("type", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("rest", ctypes.c_uint8 * 8)]


class _Memory(ctypes.Union):
    _fields_ = [("offset", ctypes.c_uint32), ("userptr", ctypes.c_ulong), ("planes", ctypes.c_void_p)]


class Buffer(ctypes.Structure):
    """struct v4l2_buffer."""

    _fields_ = [
        ("index", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("bytesused", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("field", ctypes.c_uint32),
        ("timestamp", _Time),
        ("timecode", _TimeCode),
        ("sequence", ctypes.c_uint32),
        ("memory", ctypes.c_uint32),
        ("m", _Memory),
        ("length", ctypes.c_uint32),
        ("reserved2", ctypes.c_uint32),
        ("request_fd", ctypes.c_int32),
    ]


READ, WRITE = 2, 1
#: asm-generic/ioctl.h has 14 bits for the size; MIPS and PowerPC have 13, and other numbers for the direction.
_SIZE_BITS, _WRITES = (13, 4) if os.uname().machine.startswith(("mips", "ppc")) else (14, WRITE)


def number(direction: int, which: int, size: int) -> int:
    """A request of videodev2.h, as _IOC makes it: direction, size, type 'V', number."""
    how = (READ if direction & READ else 0) | (_WRITES if direction & WRITE else 0)
    return how << (16 + _SIZE_BITS) | size << 16 | ord("V") << 8 | which


QUERYCAP = number(READ, 0, ctypes.sizeof(Capability))
ENUM_FMT = number(READ | WRITE, 2, ctypes.sizeof(FormatDescription))
S_FMT = number(READ | WRITE, 5, ctypes.sizeof(Format))
REQBUFS = number(READ | WRITE, 8, ctypes.sizeof(RequestBuffers))
QUERYBUF = number(READ | WRITE, 9, ctypes.sizeof(Buffer))
QBUF = number(READ | WRITE, 15, ctypes.sizeof(Buffer))
DQBUF = number(READ | WRITE, 17, ctypes.sizeof(Buffer))
STREAMON = number(WRITE, 18, ctypes.sizeof(ctypes.c_int))
S_PARM = number(READ | WRITE, 22, ctypes.sizeof(Parameters))
