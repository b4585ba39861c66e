// The whole command line: arguments in, exit status out.
#pragma once

namespace eidetic {

// Never throws; prints its answer on standard output and everything else on standard error.
int run_command_line(int argc, const char* const* argv);

}  // namespace eidetic
