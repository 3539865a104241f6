/// What a run tells while it goes on: once an interval.
public struct LoadProgress: Sendable {
  /// Seconds since the start and how many there will be.
  public var seconds: Double
  public var planned: Double
  /// The interval that has just ended.
  public var latest: LoadResult.Interval
  /// Everything since the start, in the form of the final result.
  public var soFar: LoadResult
}
