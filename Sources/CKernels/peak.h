// The machine's own ceiling: multiply-adds that never leave the registers.

/// Independent chains: enough to hide the latency of a multiply-add on two units.
enum { PEAK_CHAINS = 12 };

/// Does `rounds` of them and returns how many scalar multiply-adds that were; `sink` takes a value that depends on all.
static int64_t peak_variant(int64_t rounds, float *sink) {
  floats chain[PEAK_CHAINS], factor = splat(sink[0]), term = splat(sink[1]);
  UNROLL for (int i = 0; i < PEAK_CHAINS; i++) chain[i] = splat((float)i);
  for (int64_t round = 0; round < rounds; round++) {
    UNROLL for (int i = 0; i < PEAK_CHAINS; i++) chain[i] = fmadd(chain[i], factor, term);
  }
  floats sum = splat(0);
  UNROLL for (int i = 0; i < PEAK_CHAINS; i++) sum += chain[i];
  sink[0] = sum[0];
  return rounds * PEAK_CHAINS * LANES;
}
