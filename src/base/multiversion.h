// EIDETIC_MULTIVERSION before a function: compiled once for each instruction set below, the best chosen when the
// program is loaded. The sanitizers' own calls cannot run that early, so under them there is one version.
#pragma once

#if defined(__x86_64__) && !__has_feature(thread_sanitizer) && !__has_feature(address_sanitizer)
#define EIDETIC_MULTIVERSION __attribute__((target_clones("avx512f", "arch=x86-64-v3", "default")))
#else
#define EIDETIC_MULTIVERSION
#endif
