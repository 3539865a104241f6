#include <libpq-fe.h>
// Not part of Swift's Glibc module: by an eventfd a waiting connection is told that nobody waits for it.
#include <sys/eventfd.h>
