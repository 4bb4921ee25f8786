package wasm

// Mem writes a load or store. align is log2 of the promised alignment in
// bytes, at most the access's own size; offset is added to the address operand
// without wrapping.
func (c *Code) Mem(op Opcode, align, offset uint32) {
	if op.Immediate() != ImmMem {
		panic("BUG: wasm.Code.Mem: " + op.String() + " is no memory access")
	}
	c.opU(op, align)
	c.b = AppendU(c.b, uint64(offset))
}

// The loads and stores by name; see [Code.Mem] for align and offset.
func (c *Code) I32Load(align, offset uint32)    { c.Mem(OpI32Load, align, offset) }
func (c *Code) I64Load(align, offset uint32)    { c.Mem(OpI64Load, align, offset) }
func (c *Code) F32Load(align, offset uint32)    { c.Mem(OpF32Load, align, offset) }
func (c *Code) F64Load(align, offset uint32)    { c.Mem(OpF64Load, align, offset) }
func (c *Code) I32Load8S(align, offset uint32)  { c.Mem(OpI32Load8S, align, offset) }
func (c *Code) I32Load8U(align, offset uint32)  { c.Mem(OpI32Load8U, align, offset) }
func (c *Code) I32Load16S(align, offset uint32) { c.Mem(OpI32Load16S, align, offset) }
func (c *Code) I32Load16U(align, offset uint32) { c.Mem(OpI32Load16U, align, offset) }
func (c *Code) I64Load8S(align, offset uint32)  { c.Mem(OpI64Load8S, align, offset) }
func (c *Code) I64Load8U(align, offset uint32)  { c.Mem(OpI64Load8U, align, offset) }
func (c *Code) I64Load16S(align, offset uint32) { c.Mem(OpI64Load16S, align, offset) }
func (c *Code) I64Load16U(align, offset uint32) { c.Mem(OpI64Load16U, align, offset) }
func (c *Code) I64Load32S(align, offset uint32) { c.Mem(OpI64Load32S, align, offset) }
func (c *Code) I64Load32U(align, offset uint32) { c.Mem(OpI64Load32U, align, offset) }
func (c *Code) I32Store(align, offset uint32)   { c.Mem(OpI32Store, align, offset) }
func (c *Code) I64Store(align, offset uint32)   { c.Mem(OpI64Store, align, offset) }
func (c *Code) F32Store(align, offset uint32)   { c.Mem(OpF32Store, align, offset) }
func (c *Code) F64Store(align, offset uint32)   { c.Mem(OpF64Store, align, offset) }
func (c *Code) I32Store8(align, offset uint32)  { c.Mem(OpI32Store8, align, offset) }
func (c *Code) I32Store16(align, offset uint32) { c.Mem(OpI32Store16, align, offset) }
func (c *Code) I64Store8(align, offset uint32)  { c.Mem(OpI64Store8, align, offset) }
func (c *Code) I64Store16(align, offset uint32) { c.Mem(OpI64Store16, align, offset) }
func (c *Code) I64Store32(align, offset uint32) { c.Mem(OpI64Store32, align, offset) }
