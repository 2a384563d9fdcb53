"""Event streams and what they are made of; `bodies` has downloads."""

from execd_client._async_streams import AsyncEventStream
from execd_client._sync_streams import EventStream
from execd_client.frames import FrameDecoder, decode_frame, parse_events

__all__ = ["AsyncEventStream", "EventStream", "FrameDecoder", "decode_frame", "parse_events"]
