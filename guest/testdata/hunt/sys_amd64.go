package main

const pwritev2 = 328
