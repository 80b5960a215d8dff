#!/bin/bash
# Fuzzes one target for so many seconds and keeps what it grows in fuzz/grown; see `make fuzz`.
# Stable Rust is enough: without sanitizers only LLVM's coverage is needed.
set -euo pipefail
target=${1:?a target: $(ls fuzz/targets | sed 's/\.rs//' | tr '\n' ' ')}
seconds=${2:-60}
cargo fuzz --version > /dev/null 2>&1 || cargo install --locked cargo-fuzz
mkdir -p "fuzz/grown/$target"
# One input may take 20 s where the machine is busy; what it may allocate is set in fuzz/src/lib.rs.
cargo fuzz run -s none "$target" "fuzz/grown/$target" "fuzz/corpus/$target" -- \
    -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2500 -max_len=8192 -print_final_stats=1
