// A goroutine waits for another that computes, and that holds the channel in a register and nowhere else.
package main

import (
	"fmt"
	"sync/atomic"
	"time"
)

var stop int32

//go:noinline
func liveWaiter(c chan int) { <-c }

//go:noinline
func liveBusy(c chan int) {
	for atomic.LoadInt32(&stop) == 0 {
	}
	c <- 1
}

//go:noinline
func start() {
	c := make(chan int)
	go liveWaiter(c)
	go liveBusy(c)
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
	start()
	clear(20)
	time.Sleep(100 * time.Millisecond)
	fmt.Println("ready")
	time.Sleep(20 * time.Second)
}
