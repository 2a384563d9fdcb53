"""Answers whose body is read as it arrives: downloads, and the base of all streams."""

from execd_client._async_streams import AsyncBodyStream, AsyncByteStream
from execd_client._opening import network_stream
from execd_client._sync_streams import BodyStream, ByteStream

__all__ = ["AsyncBodyStream", "AsyncByteStream", "BodyStream", "ByteStream", "network_stream"]
