package riscv64

import (
	"strconv"
	"strings"

	"github.com/c2w/c2w/internal/machine/fdt"
)

// region is a piece of guest-physical address space, in bytes.
type region struct{ Base, Size uint64 }

// peripheral is a device with one interrupt line into the PLIC.
type peripheral struct {
	region
	IRQ uint32
}

// treeConfig is what the machine's tree says. Parts with a zero Size are
// left out.
type treeConfig struct {
	RAM        region
	ISA        string // such as "rv64imafdc_zba_zbb", see isaExtensions
	MMU        string // "riscv,sv39" or "riscv,sv48"
	TimebaseHz uint32

	PLIC        region
	PLICSources uint32 // the highest source number
	Virtio      []peripheral
	RTC         peripheral

	BootArgs string
	Initrd   region // in RAM
	RNGSeed  []byte // entropy for the kernel's pool; not added when empty
}

// Phandles of the two interrupt controllers.
const (
	phandleCPU  = 1
	phandlePLIC = 2
)

// irqExternal is the supervisor external interrupt of the hart.
const irqExternal = 9

// tree builds and encodes the machine's tree: one hart, memory, a PLIC whose
// only context is the hart's supervisor mode, virtio-mmio slots and a goldfish
// RTC. The kernel powers off through SBI, so no node says how.
func tree(c treeConfig) []byte {
	root := fdt.NewRoot().
		U32("#address-cells", 2).
		U32("#size-cells", 2).
		Strings("compatible", "c2w,machine").
		Strings("model", "c2w,machine")
	chosen(root, c)
	cpus(root, c)
	root.Child(unit("memory", c.RAM)).
		Strings("device_type", "memory").
		U64("reg", c.RAM.Base, c.RAM.Size)
	soc(root, c)
	return root.Encode()
}

func chosen(root *fdt.Node, c treeConfig) {
	n := root.Child("chosen").Strings("bootargs", c.BootArgs)
	if c.Initrd.Size != 0 {
		n.U64("linux,initrd-start", c.Initrd.Base)
		n.U64("linux,initrd-end", c.Initrd.Base+c.Initrd.Size)
	}
	if len(c.RNGSeed) != 0 {
		n.Bytes("rng-seed", c.RNGSeed)
	}
}

func cpus(root *fdt.Node, c treeConfig) {
	base, extensions := isaExtensions(c.ISA)
	cpu := root.Child("cpus").
		U32("#address-cells", 1).
		U32("#size-cells", 0).
		U32("timebase-frequency", c.TimebaseHz).
		Child("cpu@0").
		Strings("device_type", "cpu").
		U32("reg", 0).
		Strings("status", "okay").
		Strings("compatible", "riscv").
		Strings("riscv,isa", c.ISA).
		Strings("riscv,isa-base", base).
		Strings("riscv,isa-extensions", extensions...).
		Strings("mmu-type", c.MMU)
	cpu.Child("interrupt-controller").
		U32("#interrupt-cells", 1).
		U32("#address-cells", 0).
		Flag("interrupt-controller").
		Strings("compatible", "riscv,cpu-intc").
		U32("phandle", phandleCPU)
}

func soc(root *fdt.Node, c treeConfig) {
	soc := root.Child("soc").
		U32("#address-cells", 2).
		U32("#size-cells", 2).
		Strings("compatible", "simple-bus").
		Flag("ranges")
	if c.PLIC.Size != 0 {
		soc.Child(unit("interrupt-controller", c.PLIC)).
			Strings("compatible", "sifive,plic-1.0.0", "riscv,plic0").
			U64("reg", c.PLIC.Base, c.PLIC.Size).
			U32("#interrupt-cells", 1).
			U32("#address-cells", 0).
			Flag("interrupt-controller").
			U32("interrupts-extended", phandleCPU, irqExternal).
			U32("riscv,ndev", c.PLICSources).
			U32("phandle", phandlePLIC)
	}
	for _, v := range c.Virtio {
		slot(soc, "virtio_mmio", "virtio,mmio", v)
	}
	if c.RTC.Size != 0 {
		slot(soc, "rtc", "google,goldfish-rtc", c.RTC)
	}
}

func slot(soc *fdt.Node, name, compatible string, p peripheral) {
	soc.Child(unit(name, p.region)).
		Strings("compatible", compatible).
		U64("reg", p.Base, p.Size).
		U32("interrupt-parent", phandlePLIC).
		U32("interrupts", p.IRQ)
}

func unit(name string, r region) string { return name + "@" + strconv.FormatUint(r.Base, 16) }

// isaExtensions splits an ISA string such as "rv64imafdc_zba" into the base of
// riscv,isa-base ("rv64i") and the list of riscv,isa-extensions ("i", "m", …,
// "zba").
func isaExtensions(isa string) (base string, extensions []string) {
	const width = len("rv64")
	if len(isa) <= width {
		panic("BUG: fdt: malformed ISA string " + isa)
	}
	letters, long, _ := strings.Cut(isa[width:], "_")
	for _, l := range letters {
		extensions = append(extensions, string(l))
	}
	if long != "" {
		extensions = append(extensions, strings.Split(long, "_")...)
	}
	return isa[:width+1], extensions
}
