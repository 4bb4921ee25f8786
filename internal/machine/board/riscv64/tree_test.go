package riscv64

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"testing"

	"github.com/c2w/c2w/internal/machine/fdt"
)

func sampleTree() treeConfig {
	return treeConfig{
		RAM:         region{0x8000_0000, 512 << 20},
		ISA:         "rv64imafdc_zba_zbb_zbs_zicsr_zifencei",
		MMU:         "riscv,sv48",
		TimebaseHz:  10_000_000,
		PLIC:        region{0x0c00_0000, 0x40_0000},
		PLICSources: 31,
		Virtio: []peripheral{
			{region{0x1000_1000, 0x1000}, 1},
			{region{0x1000_2000, 0x1000}, 2},
		},
		RTC:      peripheral{region{0x10_1000, 0x1000}, 11},
		BootArgs: "console=hvc0 quiet",
		Initrd:   region{0x8800_0000, 12345},
		RNGSeed:  []byte("0123456789abcdef"),
	}
}

func TestTree(t *testing.T) {
	blob := tree(sampleTree())
	root, err := fdt.Parse(blob)
	if err != nil {
		t.Fatal(err)
	}
	u64 := func(vs ...uint64) []byte {
		var b []byte
		for _, v := range vs {
			b = binary.BigEndian.AppendUint64(b, v)
		}
		return b
	}
	u32 := func(vs ...uint32) []byte {
		var b []byte
		for _, v := range vs {
			b = binary.BigEndian.AppendUint32(b, v)
		}
		return b
	}
	for _, tt := range []struct {
		path []string
		prop string
		want []byte
	}{
		{nil, "#address-cells", u32(2)},
		{[]string{"chosen"}, "bootargs", []byte("console=hvc0 quiet\x00")},
		{[]string{"chosen"}, "linux,initrd-start", u64(0x8800_0000)},
		{[]string{"chosen"}, "linux,initrd-end", u64(0x8800_0000 + 12345)},
		{[]string{"chosen"}, "rng-seed", []byte("0123456789abcdef")},
		{[]string{"cpus"}, "timebase-frequency", u32(10_000_000)},
		{[]string{"cpus", "cpu@0"}, "riscv,isa", []byte("rv64imafdc_zba_zbb_zbs_zicsr_zifencei\x00")},
		{[]string{"cpus", "cpu@0"}, "riscv,isa-base", []byte("rv64i\x00")},
		{[]string{"cpus", "cpu@0"}, "riscv,isa-extensions",
			[]byte("i\x00m\x00a\x00f\x00d\x00c\x00zba\x00zbb\x00zbs\x00zicsr\x00zifencei\x00")},
		{[]string{"cpus", "cpu@0"}, "mmu-type", []byte("riscv,sv48\x00")},
		{[]string{"cpus", "cpu@0", "interrupt-controller"}, "phandle", u32(1)},
		{[]string{"memory@80000000"}, "reg", u64(0x8000_0000, 512<<20)},
		{[]string{"soc", "interrupt-controller@c000000"}, "interrupts-extended", u32(1, 9)},
		{[]string{"soc", "interrupt-controller@c000000"}, "reg", u64(0x0c00_0000, 0x40_0000)},
		{[]string{"soc", "virtio_mmio@10002000"}, "interrupts", u32(2)},
		{[]string{"soc", "virtio_mmio@10002000"}, "reg", u64(0x1000_2000, 0x1000)},
		{[]string{"soc", "rtc@101000"}, "interrupts", u32(11)},
	} {
		n := root.Find(tt.path...)
		if n == nil {
			t.Errorf("no node %v", tt.path)
			continue
		}
		if got, ok := n.Prop(tt.prop); !ok || !bytes.Equal(got, tt.want) {
			t.Errorf("%v %s = %q, %v; want %q", tt.path, tt.prop, got, ok, tt.want)
		}
	}
	if again := tree(sampleTree()); !bytes.Equal(blob, again) {
		t.Error("the same configuration gives different bytes")
	}
}

// TestDTC has the reference compiler read the tree and find nothing to warn of.
func TestDTC(t *testing.T) {
	dtc, err := exec.LookPath("dtc")
	if err != nil {
		t.Skip("dtc (package device-tree-compiler) is not installed")
	}
	cmd := exec.Command(dtc, "-I", "dtb", "-O", "dts", "-")
	cmd.Stdin = bytes.NewReader(tree(sampleTree()))
	var warnings bytes.Buffer
	cmd.Stderr = &warnings
	if err := cmd.Run(); err != nil || warnings.Len() != 0 {
		t.Fatalf("%v\n%s", err, &warnings)
	}
}
