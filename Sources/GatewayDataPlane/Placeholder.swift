import NIOCore
import NIOPosix
import NIOSSL
import NIOHTTP2
