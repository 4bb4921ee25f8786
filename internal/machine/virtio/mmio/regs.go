package mmio

import "github.com/c2w/c2w/internal/machine/virtio"

// Read is a guest load of size (1, 2, 4 or 8) bytes at off. The registers
// answer aligned 4-byte loads only (section 4.2.2.2), the configuration space
// any; what is not there reads as zero.
func (s *Slot) Read(off uint64, size int) uint64 {
	if off >= RegConfig {
		return s.readConfig(off-RegConfig, size)
	}
	if size != 4 || off%4 != 0 {
		return 0
	}
	return uint64(s.readReg(off))
}

func (s *Slot) readConfig(off uint64, size int) uint64 {
	cfg := s.dev.Config()
	if off >= uint64(len(cfg)) {
		return 0
	}
	var v uint64
	for i, b := range cfg[off:] {
		if i == size {
			break
		}
		v |= uint64(b) << (8 * i)
	}
	return v
}

func (s *Slot) readReg(off uint64) uint32 {
	switch off {
	case RegMagic:
		return magic
	case RegVersion:
		return version
	case RegDeviceID:
		return s.dev.ID()
	case RegVendorID:
		return vendor
	case RegDeviceFeatures:
		return half(s.offers, s.DeviceFeaturesSel)
	case RegQueueNumMax:
		if q := s.selected(); q != nil {
			return uint32(q.Max())
		}
	case RegQueueReady:
		if q := s.selected(); q != nil && q.Ready {
			return 1
		}
	case RegInterruptStatus:
		return s.Interrupt
	case RegStatus:
		return s.Status
	case RegSHMLenLow, RegSHMLenHigh, RegSHMBaseLow, RegSHMBaseHigh:
		return 0xffff_ffff // no such region (section 4.2.2)
	case RegConfigGeneration:
		return s.ConfigGeneration
	}
	return 0
}

// Write is a guest store of size (1, 2, 4 or 8) bytes at off. What is not
// there, read only, or not allowed in the present state is ignored.
func (s *Slot) Write(off uint64, size int, val uint64) {
	if off >= RegConfig {
		s.dev.WriteConfig(off-RegConfig, size, val)
		return
	}
	if size == 4 && off%4 == 0 {
		s.writeReg(off, uint32(val))
	}
}

func (s *Slot) writeReg(off uint64, v uint32) {
	switch off {
	case RegDeviceFeaturesSel:
		s.DeviceFeaturesSel = v
	case RegDriverFeatures:
		// Fixed once negotiated (section 3.1.1).
		if s.Status&StatusFeaturesOK == 0 {
			setHalf(&s.DriverFeatures, s.DriverFeaturesSel, v)
		}
	case RegDriverFeaturesSel:
		s.DriverFeaturesSel = v
	case RegQueueSel:
		s.QueueSel = v
	case RegQueueNotify:
		s.notify(v)
	case RegInterruptACK:
		s.setInterrupt(s.Interrupt &^ v)
	case RegStatus:
		s.setStatus(v)
	default:
		if q := s.selected(); q != nil {
			s.writeQueue(q, off, v)
		}
	}
}

// writeQueue sets up the selected queue. Size and addresses are fixed while it
// is ready (section 4.2.2.2).
func (s *Slot) writeQueue(q *virtio.Queue, off uint64, v uint32) {
	if off == RegQueueReady {
		s.setReady(q, v&1 != 0)
		return
	}
	if q.Ready {
		return
	}
	switch off {
	case RegQueueNum:
		// A size that does not fit 16 bits must not become one that does.
		q.Size = uint16(min(v, 0xffff))
	case RegQueueDescLow, RegQueueDescHigh:
		setHalf(&q.Desc, pairHalf(off), v)
	case RegQueueDriverLow, RegQueueDriverHigh:
		setHalf(&q.Avail, pairHalf(off), v)
	case RegQueueDeviceLow, RegQueueDeviceHigh:
		setHalf(&q.Used, pairHalf(off), v)
	}
}

func (s *Slot) setReady(q *virtio.Queue, ready bool) {
	switch {
	case !ready:
		*q.QueueState = virtio.QueueState{}
		q.Unbind()
	case q.Ready:
	default:
		if v := q.Check(); v != virtio.NoViolation {
			s.Fail(v)
			return
		}
		q.Taken, q.Pushed, q.Signalled = 0, 0, 0
		q.Ready = true
	}
}

// notify ignores a notification before DRIVER_OK, as section 3.1.1 forbids it:
// the buffers are found at DRIVER_OK.
func (s *Slot) notify(i uint32) {
	if !s.Live() {
		return
	}
	if i >= uint32(len(s.queues)) {
		s.Fail(virtio.BadQueueNumber)
		return
	}
	if s.queues[i].Ready {
		s.dev.Notify(int(i))
	}
}

// setStatus handles section 3.1.1's steps. A driver only ever adds bits; zero
// resets. FEATURES_OK stays off when the driver took a feature that was not
// offered, or did without VERSION_1.
func (s *Slot) setStatus(v uint32) {
	if v == 0 {
		s.reset()
		return
	}
	add := v & statusOfDriver &^ s.Status
	if add&StatusFeaturesOK != 0 &&
		(s.DriverFeatures&^s.offers != 0 || s.DriverFeatures&virtio.FeatureVersion1 == 0) {
		add &^= StatusFeaturesOK
	}
	if (s.Status|add)&StatusFeaturesOK == 0 {
		add &^= StatusDriverOK
	}
	s.Status |= add
	if add&StatusDriverOK == 0 {
		return
	}
	for i := range s.queues {
		if s.queues[i].Ready && s.Live() {
			s.dev.Notify(i)
		}
	}
}

func (s *Slot) selected() *virtio.Queue {
	if s.QueueSel < uint32(len(s.queues)) {
		return &s.queues[s.QueueSel]
	}
	return nil
}

// pairHalf tells the low (0) from the high (1) register of a pair.
func pairHalf(off uint64) uint32 { return uint32(off >> 2 & 1) }

// half is the 32-bit window of v that sel selects; beyond the second all zero.
func half(v uint64, sel uint32) uint32 {
	if sel > 1 {
		return 0
	}
	return uint32(v >> (32 * sel))
}

func setHalf(p *uint64, sel, v uint32) {
	if sel > 1 {
		return
	}
	*p = *p&^(0xffff_ffff<<(32*sel)) | uint64(v)<<(32*sel)
}
