package crc64

import (
	"math/rand"
	"testing"
)

func TestKnownVector(t *testing.T) {
	// The check value of CRC-64/XZ in the catalogue of parametrised CRCs.
	if got := Of([]byte("123456789")).CRC; got != 0x995dc9bbdf1939fa {
		t.Fatalf("got %x", got)
	}
}

func TestSumsOfPartsMakeTheSumOfTheWhole(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for range 300 {
		whole := make([]byte, rnd.Intn(200_000))
		rnd.Read(whole)
		var sum, added Sum
		for rest := whole; len(rest) > 0; {
			n := min(1+rnd.Intn(70_000), len(rest))
			sum = sum.Then(Of(rest[:n]))
			added = added.Add(rest[:n])
			rest = rest[n:]
		}
		if want := Of(whole); sum != want || added != want {
			t.Fatalf("%d bytes: %x, %x, want %x", len(whole), sum, added, want)
		}
	}
}

func TestCombineWithLongZeros(t *testing.T) {
	// 1 MiB of zeros repeated 2^20 times: doubling must agree with adding.
	zeros := Of(make([]byte, 1<<20))
	doubled := zeros
	for range 20 {
		doubled = doubled.Then(doubled)
	}
	half := zeros
	for range 19 {
		half = half.Then(half)
	}
	if got := half.Then(half); got != doubled || got.Size != 1<<40 {
		t.Fatalf("%x %x", got, doubled)
	}
}

func BenchmarkCombine(b *testing.B) {
	for b.Loop() {
		Combine(0x1234, 0x5678, 5<<20)
	}
}

func BenchmarkSum(b *testing.B) {
	p := make([]byte, 1<<20)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		Of(p)
	}
}
