# The decision that Examples/policy/opa.yml asks for: data.gateway.authz.allow. `input` is what Sluice says of a request.
package gateway.authz

import rego.v1

default allow := false

# Anybody reads books.
allow if {
	input.method in {"GET", "HEAD"}
	input.segments[0] == "books"
}

# Who keeps them writes them, where the router says that it is the shop's.
allow if {
	input.segments[0] == "books"
	"clerk" in input.claims.roles
	input.labels.team == "shop"
}

# The operator's own machine, when it says that it is an emergency.
allow if {
	input.address == "127.0.0.1"
	input.headers["x-break-glass"] == ["yes"]
}

# An object will do too: its `allow` counts.
decision := {"allow": allow, "by": "authz.rego"}
