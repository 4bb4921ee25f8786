"""Prints the mean and the spread of each sensor's readings: CSV in, text out."""
import csv
import statistics
import sys

readings = {}
for row in csv.DictReader(sys.stdin):
    readings.setdefault(row["sensor"], []).append(float(row["celsius"]))
if not readings:
    sys.exit(3)
for sensor, values in sorted(readings.items()):
    print(f"{sensor:8} n={len(values)} mean={statistics.fmean(values):.2f} stdev={statistics.stdev(values):.3f}")
