import ArgumentParser
import GoDiagnostics

/// Options of the commands that read an endpoint, and the one way they read it: plain or through TLS by the address.
struct EndpointOptions: ParsableArguments {
  @Option(help: "For https: trust the authorities in this PEM file instead of the system's.")
  var cacert: String?

  @Flag(help: "For https: take any certificate. What is read may then be another service's.")
  var insecure = false

  func validate() throws {
    guard cacert == nil || !insecure else { throw ValidationError("--cacert and --insecure exclude each other.") }
  }

  /// A mistake in the address or the options is said before anything is polled.
  func check(_ url: String) throws {
    do throws(HTTPGet.Failure) {
      let request = try EndpointRequest(url)
      guard request.isSecure || (cacert == nil && !insecure) else {
        throw HTTPGet.Failure(description: "\(url): --cacert and --insecure are for https")
      }
    } catch {
      throw ValidationError(error.description)
    }
  }

  static func isAddress(_ text: String) -> Bool { text.hasPrefix("http://") || text.hasPrefix("https://") }

  /// - Throws: `HTTPGet.Failure`, with the cause in words.
  func body(_ url: String) throws -> [UInt8] {
    let request = try EndpointRequest(url)
    guard request.isSecure else { return try HTTPGet.body(url) }
    return try SecureGet.body(request, authorities: cacert, takesAny: insecure)
  }
}
