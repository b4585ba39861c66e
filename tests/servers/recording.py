"""Exchanges over HTTP, written down as they happen, and answered again from that. Nothing here knows Qdrant."""

import gzip
import json
import threading
from pathlib import Path


def canonical(body):
    """JSON in one spelling; what is no JSON, as it is."""
    try:
        return json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False) if body else ""
    except ValueError:
        return body.decode(errors="replace")


def opened(path, mode):
    return (gzip.open if Path(path).suffix == ".gz" else open)(path, mode + "t", encoding="utf-8")


class Recorder:
    """Appends each exchange as a JSON line; a path that ends in .gz is compressed."""

    def __init__(self, path):
        self.lines, self.lock = opened(path, "a"), threading.Lock()

    def add(self, method, target, body, status, answer):
        said = {"method": method, "path": target, "body": canonical(body), "status": status, "answer": answer}
        with self.lock:
            self.lines.write(json.dumps(said, ensure_ascii=False, separators=(",", ":")) + "\n")

    def close(self):
        self.lines.close()


class Replay:
    """Answers as it was recorded: the first asking of a request gets its first answer, the next its next. A request
    that was not recorded, or not so often, is an error; but a GET may be repeated, as who waits for something does."""

    def __init__(self, path):
        self.answers, self.given, self.strangers, self.lock = {}, {}, [], threading.Lock()
        with opened(path, "r") as lines:
            for said in map(json.loads, lines):
                key = said["method"], said["path"], said["body"]
                self.answers.setdefault(key, []).append((said["status"], said["answer"]))

    def answer(self, method, target, body):
        key = method, target, canonical(body)
        answers = self.answers.get(key, [])
        with self.lock:
            number = self.given.get(key, 0)
            self.given[key] = number + 1
        if method == "GET" and answers:
            number = min(number, len(answers) - 1)
        if number < len(answers):
            return answers[number]
        what = f"{method} {target} {key[2][:2000]}"
        self.strangers.append(f"asked {number + 1} times, recorded {len(answers)} times: {what}")
        return 501, {"status": {"error": f"not recorded: {what}"}, "time": 0.0}
