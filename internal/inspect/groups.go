package inspect

import "fmt"

// ownGroup is the number above which the index of a sample group means one that
// the fragment itself describes (ISO/IEC 14496-12 §8.9.4).
const ownGroup = 0x10000

// groups collects the sample groups of one track in a fragment, by their kind.
type groups struct {
	described map[string]uint32 // how many groups sgpd describes
	covered   map[string]uint64 // how many samples sbgp assigns
	highest   map[string]uint32 // the highest own group that sbgp names
}

// sgpd reads a description of groups (§8.9.3).
func (g *groups) sgpd(f *fields, version byte) {
	kind := string(f.next(4))
	var length uint32
	if version > 0 {
		length = f.u32()
	}
	if version > 1 {
		f.skip(4) // the default group
	}
	n := f.u32()
	switch {
	case version == 0 || length == 0: // entries tell their sizes themselves
		f.skip(len(f.b))
	case uint64(n)*uint64(length) != uint64(len(f.b)):
		f.bad = true
	}
	if g.described == nil {
		g.described = map[string]uint32{}
	}
	g.described[kind] = n
}

// sbgp reads which samples belong to which group (§8.9.2).
func (g *groups) sbgp(f *fields, version byte) {
	kind := string(f.next(4))
	if version > 0 {
		f.skip(4) // a parameter of the kind
	}
	n := f.u32()
	if uint64(n)*8 != uint64(len(f.b)) {
		f.bad = true
		return
	}
	if g.covered == nil {
		g.covered, g.highest = map[string]uint64{}, map[string]uint32{}
	}
	for range n {
		g.covered[kind] += uint64(f.u32())
		if i := f.u32(); i > ownGroup {
			g.highest[kind] = max(g.highest[kind], i-ownGroup)
		}
	}
}

// check compares the groups with the number of samples.
func (g *groups) check(samples int) error {
	for kind, n := range g.covered {
		if n > uint64(samples) {
			return fmt.Errorf("sbgp assigns %d samples to %s, and there are %d", n, kindText(kind), samples)
		}
		if own := g.highest[kind]; own > g.described[kind] {
			return fmt.Errorf("sbgp names group %d of %s, and sgpd describes %d", own, kindText(kind), g.described[kind])
		}
	}
	return nil
}
