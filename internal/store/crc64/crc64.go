// Package crc64 computes the checksum that COS keeps with each object:
// CRC-64/XZ, that is the ECMA-182 polynomial, reflected, with inverted start
// and end values (x-cos-hash-crc64ecma).
//
// The sum of a whole object follows from the sums of its parts (Combine), so
// nobody reads a file twice. The sums themselves come from hash/crc64 of the
// standard library, which does about 1.5 GB/s on one core; that is less than
// TLS costs for the same bytes.
package crc64

import "hash/crc64"

var table = crc64.MakeTable(crc64.ECMA)

// Sum is the checksum of some bytes together with their number, which is what
// Combine needs. The zero value is the sum of nothing.
type Sum struct {
	CRC  uint64
	Size int64
}

// Of returns the sum of p.
func Of(p []byte) Sum { return Sum{crc64.Checksum(p, table), int64(len(p))} }

// Add returns the sum of what s summed, followed by p.
func (s Sum) Add(p []byte) Sum {
	return Sum{crc64.Update(s.CRC, table, p), s.Size + int64(len(p))}
}

// Then returns the sum of what s summed, followed by what next summed.
func (s Sum) Then(next Sum) Sum {
	return Sum{Combine(s.CRC, next.CRC, next.Size), s.Size + next.Size}
}

// powers[k] = x^(2^k) modulo the polynomial; bit 63 is the coefficient of x^0.
var powers = func() (t [67]uint64) {
	t[0] = 1 << 62 // x
	for k := 1; k < len(t); k++ {
		t[k] = multiply(t[k-1], t[k-1])
	}
	return t
}()

// Combine returns the CRC of A‖B from the CRC of A, the CRC of B and the
// length of B in bytes: crc(A‖B) = x^(8·len B)·crc(A) ⊕ crc(B).
func Combine(a, b uint64, lenB int64) uint64 {
	shift := uint64(1) << 63 // x^0
	for k, n := 3, lenB; n > 0; k, n = k+1, n>>1 {
		if n&1 != 0 {
			shift = multiply(shift, powers[k])
		}
	}
	return multiply(shift, a) ^ b
}

// multiply returns a·b modulo the polynomial.
func multiply(a, b uint64) uint64 {
	var product uint64
	for bit := uint64(1) << 63; bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		carry := b & 1
		b >>= 1
		if carry != 0 {
			b ^= crc64.ECMA
		}
	}
	return product
}
