import FuzzRun
import GatewayModel

/// Any bytes as a configuration: the first one chooses format and role. What must hold is asserted where it is read.
FuzzRun.main(
  "configuration",
  words: [
    "http:\n", "  routers:\n", "    a:\n", "      rule: ", "Host(`a`)\n", "services:\n", "loadBalancer:\n",
    "servers:\n",
    "- url: ",
    "http://a:80\n", "[http.routers.a]\n", "rule = \"Host(`a`)\"\n", "entryPoints:\n", "address: :80\n", "&a ",
    "*a", "<<: ",
    "10s",
    "!!int",
    "{", "}", "[", "]", "\"", "'", "|\n", ">\n", "\t", "- ", ": ", "#",
  ]
) { bytes, _ in
  bytes.withUnsafeBytes(fuzzConfiguration)
  return nil
}
