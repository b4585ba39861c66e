#include "cli/interruption.h"

#include <pthread.h>
#include <unistd.h>

#include "cli/report.h"

namespace eidetic {

Interruption::Interruption() {
  sigemptyset(&watched_);
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction current = {};
    if (sigaction(number, nullptr, &current) == 0 && current.sa_handler != SIG_IGN) sigaddset(&watched_, number);
  }
  // SIGUSR1 is how the destructor wakes the waiting thread.
  sigaddset(&watched_, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &watched_, &before_);
  waiter_ = std::thread([this] { wait(); });
}

Interruption::~Interruption() {
  ending_ = true;
  pthread_kill(waiter_.native_handle(), SIGUSR1);
  waiter_.join();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int Interruption::told(std::string_view what) const {
  print_note(what);
  return 128 + signal_;
}

void Interruption::wait() {
  int number = 0;
  while (!ending_ && sigwait(&watched_, &number) == 0) {
    if (number == SIGUSR1) continue;
    if (signal_ != 0) _exit(128 + number);
    signal_ = number;
    stop_.request_stop();
  }
}

}  // namespace eidetic
