// Instruction sets that the kernels of this room are written for, chosen once when the program runs.
#pragma once

#include <vector>

namespace eidetic {

enum class Simd {
  generic,  // what the compiler makes of plain loops
  avx2,     // AVX2 and FMA
  vnni,     // AVX-512 BW, VL and VNNI
};

// What this processor can do, slowest first.
[[nodiscard]] inline std::vector<Simd> supported_simd() {
  std::vector<Simd> supported = {Simd::generic};
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) supported.push_back(Simd::avx2);
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512vnni")) {
    supported.push_back(Simd::vnni);
  }
#endif
  return supported;
}

[[nodiscard]] inline Simd best_simd() {
  static const Simd best = supported_simd().back();
  return best;
}

}  // namespace eidetic
