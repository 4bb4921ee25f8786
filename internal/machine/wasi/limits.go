package wasi

import "unsafe"

// MaxHeap is the most that a host keeps on Go's heap for its files, in bytes:
// descriptors, listings, and one more listing while it is read. A slice that grows
// has the old one beside it.
const MaxHeap = 2*maxFD*int(unsafe.Sizeof(openFile{})) + listingBytes + largeListing + smallListing
