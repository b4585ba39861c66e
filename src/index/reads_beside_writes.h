// For scans over codes. Rows are written into blocks that searches are reading: they read bytes of lanes that are not
// theirs to judge yet, and ignore them.
#pragma once

#define EIDETIC_READS_BESIDE_WRITES __attribute__((no_sanitize("thread")))
