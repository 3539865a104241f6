/// The keys of middlewares that ask another service.

extension ForwardAuth: ConfigurationRecord {
  static let table = ConfigurationTable<ForwardAuth>(
    "ForwardAuth", "Asks another service whether a request may pass: 2xx lets it, any other answer goes to the client.",
    [
      .key("address", \.address, .httpURL, required: true, "The URL that is asked."),
      .key("tls", \.tls, .optional(.record()), "TLS towards the service."),
      .key(
        "trustForwardHeader", \.trustForwardHeader, .boolean,
        "Whether the service gets the request's own X-Forwarded headers."),
      .key(
        "authResponseHeaders", \.authResponseHeaders, .list(.fieldName),
        "Headers of the answer that the server gets; the client's own are removed."),
      .key(
        "authResponseHeadersRegex", \.authResponseHeadersRegex, .optional(.regularExpression),
        "The same, by an expression over names."),
      .key(
        "authRequestHeaders", \.authRequestHeaders, .list(.fieldName),
        "The only headers of the request that the service gets; none: all."),
      .key(
        "addAuthCookiesToResponse", \.addAuthCookiesToResponse, .list(.some("the name of a cookie")),
        "Cookies of the answer that the client gets."),
      .key(
        "headerField", \.headerField, .optional(.fieldName),
        "The header of the answer that names the user, for the log."),
      .key(
        "forwardBody", \.forwardBody, .boolean,
        "Whether the service gets the request's body too, which is then collected before the server gets any of it."),
      .key(
        "maxBodySize", \.maxBodySize, .keptBytes,
        "With forwardBody, requests with more bytes of body are answered with 401; -1: no limit."),
      .key(
        "maxResponseBodySize", \.maxResponseBodySize, .bytes, "Larger answers are failures."),
      .key(
        "preserveLocationHeader", \.preserveLocationHeader, .boolean,
        "Whether a relative Location stays as it is; else it is made absolute with the service's URL."),
      .key(
        "preserveRequestMethod", \.preserveRequestMethod, .boolean,
        "Whether the service is asked with the request's method."),
      .key("timeout", \.timeout, .positiveDuration, ours: true, "How long an answer may take."),
    ])
}

extension OPA: ConfigurationRecord {
  static let table = ConfigurationTable<OPA>(
    "OPA", "Asks an Open Policy Agent's data API whether a request may pass.",
    [
      .key("url", \.url, .httpURL, required: true, ours: true, "Where the agent is, such as http://127.0.0.1:8181."),
      .key(
        "path", \.path, .some("a path such as gateway/authz/allow"), required: true, ours: true,
        "The decision below /v1/data/: true or false, or an object whose allow is."),
      .key("timeout", \.timeout, .positiveDuration, ours: true, "How long an answer may take."),
      .key("whenDown", \.whenDown, .word(), ours: true, "What happens when there is no answer: deny (503) or allow."),
      .key("cache", \.cache, .duration, ours: true, "How long an answer holds for the same question; 0: not at all."),
      .key("headers", \.headers, .list(.fieldName), ours: true, "Headers of the request that the question holds."),
      .key("tls", \.tls, .optional(.record()), ours: true, "TLS towards the agent."),
    ])
}
