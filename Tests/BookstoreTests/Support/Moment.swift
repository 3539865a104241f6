import NIOCore
import NIOPosix

/// Ten milliseconds of a loop's clock, between two looks at something.
///
/// A loop of yields, or of requests without a pause, would take one of the pool's few threads from what it waits for.
func aMoment() async {
  try? await MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: .milliseconds(10)) {}.futureResult.get()
}
