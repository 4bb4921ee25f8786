# Runs code sequences for isatest: reads records from standard input, loads
# every register from a record, jumps to its code, and writes all registers and
# the scratch memory to standard output. gp is the one register that code must
# keep.
#
# A record: x0-x31 @0, f0-f31 @256, fcsr @512, unused @520, scratch memory
# @528 (1024 bytes), code @1552 (512 bytes, ends with a jump to epilogue).

	.attribute arch, "rv64gc"
	.option norvc
	.section .epilogue, "awx", @progbits
	.globl epilogue
epilogue:
	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	sd x\n, 8*\n(gp)
	.endr
	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	fsd f\n, 256+8*\n(gp)
	.endr
	csrr t0, fcsr
	sd t0, 512(gp)
	la t0, scratch
	addi t1, gp, 528
	li t2, 128
1:	ld t3, (t0)
	sd t3, (t1)
	addi t0, t0, 8
	addi t1, t1, 8
	addi t2, t2, -1
	bnez t2, 1b
	li a0, 1
	mv a1, gp
	li a2, 1552
	li a7, 64
	ecall

	.globl _start
_start:
	.option push
	.option norelax
	la gp, record
	.option pop
	li a0, 0
	mv a1, gp
	li a2, 2064
	li a7, 63
	ecall
	li t0, 2064
	beq a0, t0, 1f
	li a0, 0
	li a7, 93
	ecall
1:	la t0, scratch
	addi t1, gp, 528
	li t2, 128
2:	ld t3, (t1)
	sd t3, (t0)
	addi t0, t0, 8
	addi t1, t1, 8
	addi t2, t2, -1
	bnez t2, 2b
	la t0, code
	li t2, 64
3:	ld t3, (t1)
	sd t3, (t0)
	addi t0, t0, 8
	addi t1, t1, 8
	addi t2, t2, -1
	bnez t2, 3b
	fence.i
	sc.d zero, zero, (gp)
	ld t0, 512(gp)
	csrw fcsr, t0
	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	fld f\n, 256+8*\n(gp)
	.endr
	.irp n, 1,2,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld x\n, 8*\n(gp)
	.endr
	j code

	.section .code, "awx", @progbits
code:	.skip 512
	.section .scratch, "aw", @progbits
scratch: .skip 1024
	.section .record, "aw", @progbits
record:	.skip 2064
