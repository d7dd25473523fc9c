"""nft text -> kernel, in-process through libnftables: the enforcer's only I/O.

The ``nft`` program costs 28 ms a start; the library does a small transaction in 0.3 ms.
"""

from __future__ import annotations

import ctypes
import threading
from functools import cache
from typing import Any

_LIBRARY = "libnftables.so.1"
_DEFAULT_CONTEXT = 0

_FUNCTIONS = {
    "nft_ctx_new": (ctypes.c_void_p, ctypes.c_uint32),
    "nft_ctx_free": (None, ctypes.c_void_p),
    "nft_run_cmd_from_buffer": (ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p),
    "nft_ctx_buffer_output": (ctypes.c_int, ctypes.c_void_p),
    "nft_ctx_buffer_error": (ctypes.c_int, ctypes.c_void_p),
    "nft_ctx_get_output_buffer": (ctypes.c_char_p, ctypes.c_void_p),
    "nft_ctx_get_error_buffer": (ctypes.c_char_p, ctypes.c_void_p),
}
"""What is called of the library: the type of each result, then those of the arguments."""

# libnftables keeps global state (its scanner, the protocol tables): one call at a time.
_lock = threading.Lock()


class NftError(Exception):
    """nft refused a transaction, or the library is missing; nothing of it is in force."""


class Nft:
    """The nftables of one network namespace: that of the thread which constructs this.

    ``run`` may then be called from any thread, wherever that thread is. Raises NftError where
    libnftables or the right to use it is missing.
    """

    def __init__(self) -> None:
        self._library = _load()
        with _lock:
            # The netlink socket is opened here, and belongs to this namespace from now on.
            self._context = self._library.nft_ctx_new(_DEFAULT_CONTEXT)
            if not self._context:
                raise NftError("libnftables could not open a netlink socket")
            self._library.nft_ctx_buffer_output(self._context)
            self._library.nft_ctx_buffer_error(self._context)

    def run(self, text: str) -> str:
        """Run nft commands as one transaction and return what they print.

        ``text`` is what ``nft -f`` would read: any number of commands, all or none of them done.
        Raises NftError with nft's own message; the kernel is then as it was before.
        """
        with _lock:
            if not self._context:
                raise NftError("this Nft is closed")
            failed = self._library.nft_run_cmd_from_buffer(self._context, text.encode())
            # Reading a buffer empties it, so both are read every time.
            output: bytes = self._library.nft_ctx_get_output_buffer(self._context)
            error: bytes = self._library.nft_ctx_get_error_buffer(self._context)
        if failed:
            raise NftError(error.decode(errors="replace").strip() or "nft failed without a word")
        return output.decode(errors="replace")

    def close(self) -> None:
        """Free the library's context. Safe to call twice."""
        with _lock:
            if self._context:
                self._library.nft_ctx_free(self._context)
                self._context = None


@cache
def _load() -> Any:  # noqa: ANN401 -- a ctypes library has no better type
    try:
        library = ctypes.CDLL(_LIBRARY, use_errno=True)
    except OSError as error:
        raise NftError(
            f"{_LIBRARY} is missing: install it (Debian and Ubuntu: apt install libnftables1)"
        ) from error
    for name, (result, *arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
