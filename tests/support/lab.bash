# What every lab's tests stand on. A test is a transcript, which `play` runs:
# tests/README.md has the key. PAIR is the folder of the server and client.

cd "$BATS_TEST_DIRNAME/.." || exit
lab=$(basename "$BATS_TEST_FILENAME" .bats)
: "${PAIR:=build/check/${lab%%-*}}"

setup_file() {
    FILE_FOLDER=$(mktemp -d)
    export FILE_FOLDER
}

teardown_file() {
    rm -rf "$FILE_FOLDER"
}

# After a failure the rest waits: most of it would fail for the same reason,
# and take its time.
setup() {
    step=${BATS_TEST_DESCRIPTION%%:*}
    export TRACE=$PAIR/${step/ /}.trace # of its latest play, for scripts/trace
    [ -w "$PAIR" ] || TRACE=''
    if [ -e "$FILE_FOLDER/failed" ]; then
        [ -z "${ONE_FAILURE-}" ] || kill -INT 0 # bats, and all that it started
        skip "first mend what failed"
    fi
    [ -z "${looks_up-}" ] || [ "$(uname)" != Darwin ] ||
        skip "macOS lets nobody answer lookups from a file"
    folder=$FILE_FOLDER/$BATS_TEST_NUMBER
    mkdir "$folder"
}

teardown() {
    [ -n "$BATS_TEST_COMPLETED$BATS_TEST_SKIPPED" ] ||
        touch "$FILE_FOLDER/failed"
}

# play [FILE...]: checks the transcript on stdin, or those in the files.
play() {
    [ $# -gt 0 ] || set -- -
    rm -f "$TRACE"
    build/support/play -d "$PAIR" -r "handouts/$lab.md, $step" "$@" 3>&-
}

# play_hindered [FAULTS]: plays what is on stdin with preload.c's faults; without
# any said, sends are short and listen is slow. Only where it can be preloaded;
# else as if nothing hindered.
play_hindered() {
    FAULTS=${1-send=7 listen=+50} play
}

# play_threads: the same with the pair as the thread sanitizer has it.
play_threads() {
    $fixed build/support/play -d "$PAIR/thread" -r "handouts/$lab.md, $step" - 3>&-
}

# It may not start where addresses are random.
needs_thread_sanitizer() {
    [ -s build/check/thread/flags ] || skip "the compiler has no thread sanitizer"
    ! grep -q thrd_create "$PAIR/thread/server" ||
        skip "the thread sanitizer does not know <threads.h>"
    fixed=''
    "$PAIR/thread/server" -h >"$folder/usage" 2>&1 || fixed='setarch -R'
    $fixed "$PAIR/thread/server" -h >"$folder/usage" 2>&1 ||
        skip "the thread sanitizer does not start here"
}

# play_nameserver: the same with the C library's own resolver, and a name server
# for it. That needs namespaces.
play_nameserver() {
    NAMES='' tests/support/with-nameserver tests/support/names \
        build/support/play -d "$PAIR" -r "handouts/$lab.md, $step" - 3>&-
}

needs_nameserver() {
    tests/support/with-nameserver tests/support/names true 2>"$folder/why" ||
        skip "$(cat "$folder/why")"
}

# repeat N TEXT: the text N times.
repeat() {
    printf "%$1s" '' | sed "s/ /$2/g"
}

on_linux() {
    [ "$(uname)" = Linux ] || skip "only Linux $1"
}

# What every pair does with its command line, thanks to cli.h and the code that
# a starter comes with.

prints_usage() {
    local program
    for program in server client; do
        play <<END || return
\$ $program -h
$program: *sage*
$program: ...
($program exits 0)
END
    done
}

# refuses_operands COMMAND...: each is wrong usage.
refuses_operands() {
    local command
    for command; do
        play <<END || return
\$ $command
${command%% *}! *sage*
(${command%% *} exits 2)
END
    done
}

refuses_ports() {
    local port
    for port in http2 '' 65536 99999999999999999999 80x ' 80' +80 0x50; do
        play <<END || return
# The lab's cli.h does this: take the port from the struct that it returns.
\$ server '$port'
server! server: invalid port '$port'
(server exits 2)
\$ client 127.0.0.1 '$port'
client! client: invalid port '$port'
(client exits 2)
END
    done
    play <<'END'
$ client 127.0.0.1 0
client! client: invalid port '0'
(client exits 2)
END
}

# refuses_addresses COMMAND...: each with an address that is none in its end.
refuses_addresses() {
    local command address
    for command; do
        for address in localhost 127.0.0 127.0.0.256 ''; do
            play <<END || return
# inet_pton(3) returns 1 when it could read the address.
\$ ${command%ADDRESS*}'$address'${command#*ADDRESS}
${command%% *}: ...
${command%% *}! ${command%% *}: invalid address '$address'
(${command%% *} exits 2)
END
        done
    done
}
