// Sums up orders by customer: JSON in, a table out.
import { text } from 'node:stream/consumers';

const orders = JSON.parse(await text(process.stdin));
const sums = new Map();
for (const { customer, cents } of orders) sums.set(customer, (sums.get(customer) ?? 0n) + BigInt(cents));
for (const [customer, cents] of [...sums].sort((a, b) => a[0].localeCompare(b[0])))
	console.log(customer.padEnd(8), `${cents / 100n}.${String(cents % 100n).padStart(2, '0')}`);
console.log(process.arch, process.platform);
