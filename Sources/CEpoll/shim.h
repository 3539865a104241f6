#include <sys/epoll.h>
#include <sys/prctl.h>

/* prctl is variadic, which Swift does not import. Timers of this thread end within so many nanoseconds of their time;
   the kernel's own choice is 50 µs, which would be added to every latency that counts from a due time. */
static inline int sluice_set_timer_slack(unsigned long nanoseconds) {
  return prctl(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0);
}
