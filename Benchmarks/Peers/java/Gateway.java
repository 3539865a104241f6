import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.ArrayDeque;

/**
 * A gateway as a Java team writes it on Netty (Debian's libnetty-java): one event loop, whole messages, idle connections
 * to one upstream kept in a deque, so that the next request takes the one used last.
 *
 * <p>java -cp ... Gateway 127.0.0.1:8080 http://127.0.0.1:9000
 */
public final class Gateway {
  private static final int BODY_BYTES_MAX = 1 << 20;

  private final InetSocketAddress upstream;
  private final EventLoopGroup loop = new NioEventLoopGroup(1);
  private final ArrayDeque<Channel> idle = new ArrayDeque<>();

  private Gateway(InetSocketAddress upstream) {
    this.upstream = upstream;
  }

  public static void main(String[] arguments) throws Exception {
    int colon = arguments[0].lastIndexOf(':');
    URI target = URI.create(arguments[1]);
    Gateway gateway = new Gateway(new InetSocketAddress(target.getHost(), target.getPort()));
    gateway.serve(arguments[0].substring(0, colon), Integer.parseInt(arguments[0].substring(colon + 1)));
  }

  private void serve(String host, int port) throws InterruptedException {
    new ServerBootstrap()
        .group(loop)
        .channel(NioServerSocketChannel.class)
        .option(ChannelOption.SO_BACKLOG, 4096)
        .childOption(ChannelOption.TCP_NODELAY, true)
        .childHandler(
            new ChannelInitializer<SocketChannel>() {
              @Override
              protected void initChannel(SocketChannel channel) {
                channel.pipeline().addLast(
                    new HttpServerCodec(), new HttpObjectAggregator(BODY_BYTES_MAX), new ClientSide());
              }
            })
        .bind(host, port)
        .sync()
        .channel()
        .closeFuture()
        .sync();
  }

  /** Fields of one connection end here (RFC 9110 section 7.6.1). */
  private static void endHop(HttpMessage message) {
    message.headers().remove(HttpHeaderNames.CONNECTION).remove("Keep-Alive").remove("Proxy-Connection")
        .remove(HttpHeaderNames.TE).remove(HttpHeaderNames.UPGRADE).remove(HttpHeaderNames.TRANSFER_ENCODING);
  }

  private final class ClientSide extends SimpleChannelInboundHandler<FullHttpRequest> {
    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
      endHop(request);
      HttpUtil.setContentLength(request, request.content().readableBytes());
      String client = ((InetSocketAddress) context.channel().remoteAddress()).getAddress().getHostAddress();
      request.headers().add("X-Forwarded-For", client);
      request.retain();
      Channel kept = idle.pollFirst();
      if (kept != null) {
        send(kept, request, context.channel());
        return;
      }
      new Bootstrap()
          .group(loop)
          .channel(NioSocketChannel.class)
          .option(ChannelOption.TCP_NODELAY, true)
          .handler(
              new ChannelInitializer<SocketChannel>() {
                @Override
                protected void initChannel(SocketChannel channel) {
                  channel.pipeline().addLast(
                      new HttpClientCodec(), new HttpObjectAggregator(BODY_BYTES_MAX), new ServerSide());
                }
              })
          .connect(upstream)
          .addListener(
              (ChannelFutureListener) connected -> {
                if (connected.isSuccess()) {
                  send(connected.channel(), request, context.channel());
                } else {
                  request.release();
                  refuse(context.channel());
                }
              });
    }

    private void send(Channel server, FullHttpRequest request, Channel client) {
      server.pipeline().get(ServerSide.class).client = client;
      server.writeAndFlush(request);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      context.close();
    }
  }

  private static void refuse(Channel client) {
    FullHttpResponse response =
        new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.BAD_GATEWAY, Unpooled.EMPTY_BUFFER);
    HttpUtil.setContentLength(response, 0);
    client.writeAndFlush(response);
  }

  private final class ServerSide extends SimpleChannelInboundHandler<FullHttpResponse> {
    private Channel client;

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpResponse response) {
      Channel waiting = client;
      client = null;
      boolean stays = HttpUtil.isKeepAlive(response);
      endHop(response);
      HttpUtil.setContentLength(response, response.content().readableBytes());
      if (stays) {
        idle.addFirst(context.channel());
      } else {
        context.close();
      }
      if (waiting != null) {
        waiting.writeAndFlush(response.retain());
      }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
      idle.remove(context.channel());
      if (client != null) {
        refuse(client);
        client = null;
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      context.close();
    }
  }
}
