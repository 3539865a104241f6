// Eighteen leaked goroutines, and six whose channel only C can reach: from a global, from malloc, from the stack, the
// registers and the thread-local memory of a C thread, and from the stack of a call into C that does not end. C may not
// keep such pointers, and programs do.
package main

/*
#cgo LDFLAGS: -lpthread
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

uintptr_t global_holder;
uintptr_t *heap_holder;
static __thread volatile uintptr_t thread_holder;
static uintptr_t for_stack, for_register, for_thread;
static volatile int ready;

static void *hold(void *nothing) {
	volatile uintptr_t on_stack = for_stack;
	register uintptr_t in_register __asm__("rbx") = for_register;
	thread_holder = for_thread;
	for_stack = for_register = for_thread = 0;
	__asm__ volatile("" : "+r"(in_register));
	ready = 1;
	for (;;) {
		sleep(60);
		__asm__ volatile("" : "+r"(in_register));
		if (in_register == 1 && on_stack == 1) return 0;
	}
}

static void linger(uintptr_t f) {
	// It comes in disguise, so that the caller's stack does not show it.
	volatile uintptr_t on_stack = ~f;
	ready = 2;
	while (on_stack) sleep(60);
}

static int lingers(void) { return ready == 2; }

static void keep(uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e) {
	pthread_t thread;
	global_holder = a;
	heap_holder = malloc(sizeof *heap_holder);
	*heap_holder = b;
	for_stack = c;
	for_register = d;
	for_thread = e;
	pthread_create(&thread, 0, hold, 0);
	while (!ready) usleep(1000);
}
*/
import "C"

import (
	"context"
	"fmt"
	"sync"
	"time"
	"unsafe"
)

func leakChan(c chan int)         { c <- 1 }
func leakChain(a, b chan int)     { v := <-a; b <- v }
func leakWG(w *sync.WaitGroup)    { w.Wait() }
func leakCtx(ctx context.Context) { <-ctx.Done() }
func leakMu(m *sync.Mutex)        { m.Lock() }
func liveInC(c chan int)          { <-c }
func liveMain(c chan int)         { <-c }

//go:noinline
func spawn(n int) {
	for i := 0; i < n; i++ {
		go leakChan(make(chan int))
		a, b := make(chan int), make(chan int)
		go leakChain(a, b)
		go leakChain(b, a)
		w := &sync.WaitGroup{}
		w.Add(1)
		go leakWG(w)
		ctx, _ := context.WithCancel(context.Background())
		go leakCtx(ctx)
		m := &sync.Mutex{}
		m.Lock()
		go leakMu(m)
	}
}

//go:noinline
func given() C.uintptr_t {
	c := make(chan int)
	go liveInC(c)
	return C.uintptr_t(*(*uintptr)(unsafe.Pointer(&c)))
}

//go:noinline
func give() {
	C.keep(given(), given(), given(), given(), given())
}

//go:noinline
func stay() {
	C.linger(^given())
}

//go:noinline
func clear(n int) byte {
	var room [512]byte
	room[n%512] = byte(n)
	if n == 0 {
		return room[0]
	}
	return clear(n-1) + room[n%7]
}

func main() {
	spawn(3)
	done := make(chan int)
	go liveMain(done)
	// C calls run on the thread's own stack: a goroutine of its own, so that main's stack never saw the channels.
	ended := make(chan int)
	go func() { give(); ended <- 1 }()
	<-ended
	go stay()
	for C.lingers() == 0 {
		time.Sleep(time.Millisecond)
	}
	clear(20)
	time.Sleep(100 * time.Millisecond)
	fmt.Println("ready")
	time.Sleep(20 * time.Second)
	done <- 1
}
