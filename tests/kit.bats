#!/usr/bin/env bats
# The kit itself: what holds for every lab, and for the kit that students get.
# It needs the solutions, and what `make check` has built.
#
# The functions print what is wrong, and `finds_nothing` fails when they do.
# shellcheck disable=SC2010,SC2012,SC2046 # names in the kit have no spaces
# shellcheck disable=SC2164 # in bats a failing cd ends the test

cd "$BATS_TEST_DIRNAME/.." || exit
kit=$PWD
labs=(labs/lab[0-9]*)
labs=("${labs[@]#labs/}")
make=$(command -v gmake || echo make)
unset MAKEFLAGS MFLAGS MAKELEVEL # of the make that runs this

setup() {
    folder=$(mktemp -d)
}

teardown() {
    rm -rf "$folder"
}

finds_nothing() {
    "$@" >"$folder/found" 2>&1 || true
    [ -s "$folder/found" ] || return 0
    cat "$folder/found"
    return 1
}

# Steps

# Prints each step's comment, on one line.
comments() {
    awk '/\/\* (TODO|Step) [0-9]+:/ { reading = 1; text = "" }
        reading { sub(/^ +/, ""); text = text (text ? " " : "") $0 }
        reading && /\*\// { reading = 0; print text }' "$@"
}

# Prints "2 what the step is.", where the grammar is right.
titles() {
    comments "$@" |
        sed -E 's|^/\* [A-Za-z]+ ([0-9]+): |\1 |; s|\. .*|.|'
}

# Prints the numbers of a lab's steps: "1 2 3".
steps_of() {
    titles "labs/$1"/*.c | cut -d ' ' -f 1 | sort -nu | paste -s -d ' ' -
}

without_steps() {
    awk '/\/\* (TODO|Step) [0-9]+:/ { inside = 1; print "    a step" }
        /^}/ { inside = 0 }
        !inside' "$@"
}

# Prints "2 14" for a step 2 of 14 lines.
lengths() {
    awk '/^}/ { inside = 0 }
        inside && commented && NF { lines[count]++ }
        /\/\* Step [0-9]+:/ {
            number[++count] = $3 + 0
            inside = 1
            commented = 0
        }
        /\*\// { commented = 1 }
        END { for (i = 1; i <= count; i++) print number[i], lines[i] + 0 }' "$1"
}

sources() { # of the labs, seen from labs/ and solutions/
    (cd labs && ls lab*/*.[ch] && cd ../solutions && ls lab*/*.[ch]) | sort -u
}

section() { # section NAME FILE
    awk -v heading="## $1" '/^## / { inside = $0 == heading } inside' "$2"
}

# The house

top_level() {
    local name house=(GNUmakefile README.md handouts labs scripts solutions tests)
    for name in "${house[@]}"; do
        [ -e "$name" ] || echo "$name is missing"
    done
    { git ls-files 2>/dev/null | grep . || ls; } |
        sed 's|/.*||' | sort -u | grep -vxE '\..*|build' |
        grep -vxF "$(printf '%s\n' "${house[@]}")" | sed 's/$/ does not belong here/'
}

@test "the top level is as small as it is" {
    finds_nothing top_level
}

missing_files() {
    local lab file
    for lab in "${labs[@]}"; do
        for file in {labs,solutions}/"$lab"/{server,client}.c \
            "handouts/$lab.md" "tests/$lab.bats"; do
            [ -f "$file" ] || echo "$file is missing"
        done
    done
    for file in solutions/lab* handouts/lab* tests/lab*.bats; do
        lab=${file##*/}
        [ -d "labs/${lab%.*}" ] || echo "$file belongs to no lab"
    done
}

@test "every lab has its starters, solutions, handout and tests" {
    finds_nothing missing_files
}

ports() {
    local lab
    grep -L 'LAB_PORT = [0-9]' {labs,solutions}/lab*/{server,client}.c |
        sed 's/$/ has no LAB_PORT/'
    for lab in "${labs[@]}"; do
        grep -ho 'LAB_PORT = [0-9]*' {labs,solutions}/"$lab"/*.c | sort -u |
            sed 1d | sed "s/^/$lab has two ports: /"
    done
}

@test "server and client of a lab have the same port" {
    finds_nothing ports
}

of_an_earlier_lab() {
    local header lab name from
    for header in labs/lib/*.h; do
        from=$(sed -n 's/.*from lab \([0-9]*\) on.*/\1/p' "$header" | head -n 1)
        [ -n "$from" ] || echo "$header does not say from which lab on it is"
        for lab in "${labs[@]}"; do
            name=${lab#lab}
            [ "${name%%-*}" -ge "${from:-0}" ] || continue
            # What begins in the first column and has a bracket is a function.
            sed -n 's/^[A-Za-z_].*[ *]\([a-z_0-9]*\)(.*/\1/p' "$header" |
                while read -r name; do
                    grep -nE "^[A-Za-z_].*[ *]$name\(" \
                        {labs,solutions}/"$lab"/*.[ch] |
                        sed "s|\$| <- $header has it|"
                done
        done
    done
}

@test "what is in the library is not written again in later labs" {
    finds_nothing of_an_earlier_lab
}

# In bytes: a handout's line is twice as long as one of C. What draws the pictures
# is neither a script nor a support of the tests, but what students look at.
sizes() {
    local machinery lessons
    machinery=$(find scripts tests/support -type f ! -path '*/draw/*' \
        ! -name record.c ! -name trace -exec cat {} + | wc -c)
    lessons=$(find labs solutions handouts -type f -exec cat {} + | wc -c)
    [ "$machinery" -lt "$lessons" ] ||
        echo "scripts and tests/support: $machinery; the lessons: $lessons"
}

@test "scripts and test support, but for the drawing, are smaller than the lessons" {
    finds_nothing sizes
}

# The code

# compiles_all COMPILER
compiles_all() {
    local flags
    # shellcheck disable=SC2016 # $ is for make
    flags=$(printf 'include GNUmakefile\nflags:\n\t@echo $(STRICT) $(CFLAGS)' |
        $make -s -f - flags)
    flags="$flags -Werror -I$kit/labs/lib -c"
    mkdir "$folder/labs" "$folder/others" # two at a time
    compile "$1" "$flags" labs "$kit/labs" &
    compile "$1" "$flags" others "$kit"/{solutions,tests/support}
    wait
}

compile() { # compile COMPILER FLAGS OUT FOLDER...
    cd "$folder/$3" || return
    # shellcheck disable=SC2086 # FLAGS are several
    "$1" $2 $(find "${@:4}" -name '*.c')
}

@test "gcc has no warning" {
    command -v gcc >/dev/null || skip 'there is no gcc'
    finds_nothing compiles_all gcc
}

@test "clang has no warning" {
    command -v clang >/dev/null || skip 'there is no clang'
    finds_nothing compiles_all clang
}

@test "gcc with musl has no warning" {
    command -v musl-gcc >/dev/null || skip 'there is no musl-gcc'
    finds_nothing compiles_all musl-gcc
}

# Starters and solutions

differences() {
    local file
    sources | while read -r file; do
        diff <(without_steps "labs/$file") <(without_steps "solutions/$file") |
            sed "s|^|$file: |"
    done
}

@test "a starter differs from its solution only inside steps" {
    finds_nothing differences
}

bad_todos() {
    local lab
    for lab in "${labs[@]}"; do
        comments "labs/$lab"/*.[ch] | grep -vE '^/\* TODO [0-9]+: .+\. Use .+\. Afterwards: .+\. About [0-9]+ lines?\. \*/$' |
            sed "s|^|$lab: not as the grammar has it: |"
        grep -n TODO "labs/$lab"/*.[ch] | grep -vE '/\* TODO [0-9]+: ' |
            sed 's/^/not as the grammar has it: /'
        # Below TODO 2 stands todo(2 ...).
        awk 'function check() {
                if (wanted && !met) print FILENAME ": no todo(" wanted
            }
            /\/\* TODO [0-9]+:/ { check(); wanted = $3 + 0; met = 0 }
            match($0, /todo\([0-9]+/) {
                met = 1
                if (substr($0, RSTART + 5, RLENGTH - 5) != wanted)
                    print FILENAME ": below TODO " wanted ":" $0
            }
            /^}/ { check(); wanted = 0 }' "labs/$lab"/*.c
    done
}

@test "every TODO says what to do, with what, to what effect, and how long it is" {
    finds_nothing bad_todos
}

other_steps() {
    local lab file steps
    sources | while read -r file; do
        diff <(titles "labs/$file") <(titles "solutions/$file") |
            sed "s|^|$file: |"
    done
    for lab in "${labs[@]}"; do
        steps=$(steps_of "$lab")
        [[ '1 2 3 4 5 6 7' = "$steps"* && $steps = '1 2 3'* ]] ||
            echo "$lab has the steps $steps"
    done
}

@test "starter and solution have the same steps, from 1 to at least 3, at most 7" {
    finds_nothing other_steps
}

other_lengths() {
    local file
    sources | while read -r file; do
        comments "labs/$file" | sed -E 's/.* About ([0-9]+) line.*/\1/' |
            paste -d ' ' - <(lengths "solutions/$file") | awk -v file="$file" '
                {
                    off = $1 > $3 ? $1 - $3 : $3 - $1
                    if (off > 2 && off > $3 / 3)
                        print file ": TODO " $2 " says about " $1 \
                            " lines, the solution has " $3
                }'
    done
}

@test "a step is about as long as its TODO says" {
    finds_nothing other_lengths
}

# Puts one program of the starter beside one of the solution.
mix() { # mix LAB PROGRAM
    mixed=$folder/$1-$2
    mkdir "$mixed"
    ln -s "$kit/build/check/solutions/${1%%-*}"/{server,client} "$mixed"
    ln -sf "$kit/build/check/${1%%-*}/$2" "$mixed"
}

# The handout's chat comes to the place where the starter's server ends.
unfinished_server() { # unfinished_server LAB
    mix "$1" server
    build/support/play -d "$mixed" "handouts/$1.md" >"$mixed/report" 2>&1
    grep -q 'server has ended with status 3' "$mixed/report" && grep -q \
        "step [0-9] is still to be done: TODO [0-9] in labs/$1/" \
        "$mixed/report" && return
    echo "$1: the starter's server does not name a step and exit 3:"
    cat "$mixed/report"
}

# The client gets a server, and whatever the handout types.
unfinished_client() { # unfinished_client LAB
    mix "$1" client
    awk -v lab="$1" '
        /^```transcript/ { inside = !done; next }
        /^```/ && inside { done = 1; inside = 0 }
        inside && (!started || /^(client|server)</) { print }
        inside && !started && /^\$ .*client/ {
            started = 1
            print "client: ...\nserver: ..."
        }
        END {
            print "client! client: step * is still to be done: TODO * in " \
                "labs/" lab "/*.c:*\n(client exits 3)"
        }' "handouts/$1.md" >"$mixed/script"
    build/support/play -d "$mixed" "$mixed/script"
}

all_unfinished() {
    local lab program
    for lab in "${labs[@]}"; do
        for program in server client; do
            grep -q TODO "labs/$lab/$program.c" $(ls "labs/$lab"/*.c |
                grep -vE '/(server|client)\.c$') || continue
            unfinished_$program "$lab" >"$folder/$lab-$program.found" 2>&1 3>&- &
        done
    done
    wait
    cat "$folder"/*.found
}

@test "a starter, when run, says which step is missing and exits 3" {
    finds_nothing all_unfinished
}

# The first red line is step 1's; step 2 waits for it.
first_red() { # first_red LAB
    local short=${1%%-*} tap=$folder/$1.tap
    TMPDIR=$folder/tmp PAIR=build/check/$short \
        bats --tap -f '^step [12]:' "tests/$1.bats" >"$tap" 2>&1 || true
    grep -E '^(not )?ok' "$tap" | grep -m 1 -E '^not|skip' |
        grep -qE '^not ok [0-9]+ step 1:' ||
        echo "$1: the starter's first failure is not at step 1"
    grep -q '^#     step 1 is still to be done' "$tap" ||
        echo "$1: it does not fail because step 1 is still to be done"
    grep -E '^(not )?ok [0-9]+ step 2:' "$tap" |
        grep -v '# skip.* first mend what failed$' |
        sed "s/^/$1: does not wait for step 1: /"
    grep -q 'ok [0-9]* step 2:' "$tap" || echo "$1: no test of step 2"
}

first_reds() {
    local lab
    mkdir "$folder/tmp"
    for lab in "${labs[@]}"; do
        first_red "$lab" >"$folder/$lab.found" 2>&1 3>&- &
    done
    wait
    cat "$folder"/*.found
    ls -A "$folder/tmp" | sed 's/^/left behind: /'
}

@test "a starter fails first at step 1, for that reason, and later steps wait" {
    finds_nothing first_reds
}

# Handouts

handout_steps() {
    local lab steps items tested
    for lab in "${labs[@]}"; do
        steps=$(steps_of "$lab")
        items=$(section Steps "handouts/$lab.md" |
            sed -n 's/^\([0-9]*\)\. .*/\1/p' | paste -s -d ' ' -)
        [ "$items" = "$steps" ] ||
            echo "$lab has the steps $steps; its handout has: $items"
        tested=$(sed -n 's/^@test "step \([0-9]*\):.*/\1/p' "tests/$lab.bats" |
            sort -nu | paste -s -d ' ' -)
        [ "$tested" = "$steps" ] ||
            echo "$lab has the steps $steps; its tests have: $tested"
        section Hints "handouts/$lab.md" | awk -v lab="$lab" -v steps="$steps" '
            match($0, /^[#* ]*Step [0-9]+/) { step = substr($0, RSTART, RLENGTH)
                                              sub(/.* /, "", step) }
            /^- / { hints[step]++ }
            END {
                for (i = 1; i <= split(steps, step_of); i++)
                    if (hints[i] < 2)
                        print lab ": hints for step " i ": " hints[i] + 0
            }'
    done
}

@test "every step is in the handout, has two hints, and is tested" {
    finds_nothing handout_steps
}

# The player puts a port of its own only where a transcript names the same one.
fixed_ports() {
    awk '/<<.?END/ { asked = ""; named = "" }
        /^\$ server [1-9][0-9]*$/ { asked = $3; from = FNR }
        / port [0-9]+]?$/ { named = named " " $NF + 0 " " }
        /^END$/ && asked && !index(named, " " asked " ") {
            print FILENAME ":" from ": asks for " asked
        }
    ' tests/lab*.bats
}

@test "no test asks for a port of its own" {
    finds_nothing fixed_ports
}

headings() {
    local lab
    for lab in "${labs[@]}"; do
        awk '/^```/ { code = !code } !code && sub(/^## /, "")' \
            "handouts/$lab.md" | diff - <(printf '%s\n' Goal 'By hand' \
            'The calls' Steps 'What you should see' 'Break it' Questions \
            'Going further' Hints) | sed "s/^/$lab: /"
    done
}

@test "every handout has the same sections in the same order" {
    finds_nothing headings
}

# A transcript of README.md tells by its programs' folder of which lab it is.
transcripts() {
    local text lab
    for text in handouts/*.md README.md; do
        awk -v out="$folder/${text##*/}" '
            /^```transcript/ { count++; inside = 1; next }
            /^```/ { inside = 0 }
            inside { print >(out "." count) }' "$text"
    done
    for lab in "${labs[@]}"; do
        [ -f "$folder/$lab.md.1" ] || echo "handouts/$lab.md has no transcript"
    done
    for text in "$folder"/*.md.*; do
        lab=$(sed -n 's|.*build/\(lab[0-9]*\)/.*|\1|p' "$text" | head -n 1)
        play_solution "${lab:-$(basename "${text%%-*}")}" "$text" \
            >"$text.found" 2>&1 3>&- &
    done
    wait
    cat "$folder"/*.found
}

play_solution() { # play_solution LAB FILE
    # On macOS nothing can answer lookups from a file: that lab's tests say so.
    [ "$1 $(uname)" != 'lab5 Darwin' ] || return 0
    build/support/play -d "build/check/solutions/$1" "$2" ||
        echo "That is in ${2##*/}"
}

@test "what handouts and README show is what the solutions do" {
    finds_nothing transcripts
}

# A block fenced with ```trace is a part of the picture that scripts/trace draws
# of the first transcript; with a number behind that, of another one.
figures() {
    local handout lab nth block
    for handout in handouts/lab*.md README.md; do
        lab=$(basename "${handout%%-*}")
        [ "$lab" != README.md ] || lab=lab3
        awk -v out="$folder/${handout##*/}.figure" '
            /^```trace( |$)/ { inside = 1; nth = $2 ? $2 : 1; next }
            /^```/ { inside = 0 }
            inside { print >(out "." nth) }' "$handout"
        for block in "$folder/${handout##*/}.figure".*; do
            [ -f "$block" ] || echo "$handout has no figure"
            nth=${block##*.}
            same_calls "$lab" "$nth" "$block" >"$block.found" 2>&1 3>&- &
        done
    done
    wait
    cat "$folder"/*.figure.*.found
}

same_calls() { # same_calls LAB NTH FILE: which has the names, then some rows
    LC_ALL=C.UTF-8 scripts/trace -m -n "$2" -d "build/check/solutions/$1" "$1" \
        >"$3.drawn"
    awk -v file="$1.md" 'FNR == 1 { if (NR == 1) names = $0; next }
        NR == FNR { want = want $0 "\n"; next }
        { got = got $0 "\n" }
        END { if (index("\n" got, "\n" want) == 0)
                print file ": this is not in what is drawn:\n" want }' \
        "$3" "$3.drawn"
    head -n 1 "$3" | diff - <(head -n 1 "$3.drawn")
}

@test "the figures in handouts are what the solutions call" {
    [ "$(uname)" = Linux ] || skip 'only Linux lets programs be watched'
    finds_nothing figures
}

# preload/record.c explains the lines.
@test "a picture shows what falls short, who is killed, and what is done again" {
    cat >"$folder/trace" <<'END'
0 10 0 runs server 0
100 10 0 start server
200 10 0 ( listen 3 127.0.0.1:5000 - 0 5
210 10 0 ) 0 127.0.0.1:5000 -
220 10 0 ( accept 3 127.0.0.1:5000 - 0
300 20 0 start client
310 20 0 ( connect 3 0.0.0.0:0 - 0 127.0.0.1:5000
320 20 0 ) 0 127.0.0.1:4000 127.0.0.1:5000
330 10 0 ) 4 127.0.0.1:5000 127.0.0.1:4000 4 from 127.0.0.1:4000
340 10 0 ( recv 4 127.0.0.1:5000 127.0.0.1:4000 0
350 20 0 ( send 3 127.0.0.1:4000 127.0.0.1:5000 10 "0123456789", 10
360 20 0 ) 6 127.0.0.1:4000 127.0.0.1:5000
370 10 0 ) 4 127.0.0.1:5000 127.0.0.1:4000 4 "0123"
380 10 0 ( recv 4 127.0.0.1:5000 127.0.0.1:4000 0
390 10 0 ) 2 127.0.0.1:5000 127.0.0.1:4000 2 "45"
400 10 0 ( recv 4 127.0.0.1:5000 127.0.0.1:4000 0
50000 10 0 ) -1 127.0.0.1:5000 - -1 ECONNRESET
0 20 0 end signal 9
50010 10 0 ( send 4 127.0.0.1:5000 - 2 "no", 2
50020 10 0 ) -1 127.0.0.1:5000 - -1 EPIPE
50030 10 0 ( send 4 127.0.0.1:5000 - 2 "no", 2
50040 10 0 ) -1 127.0.0.1:5000 - -1 EPIPE
END
    build/support/draw -a "$folder/trace" >"$folder/drawn"
    diff "$folder/drawn" - <<'END'
 server                    client
  | listen(3, 5)
  : accept(3)
  :<------------------------| connect(3, 127.0.0.1:5000)
  | = 4 from 127.0.0.1:4000 |
  : recv(4)                 |
  :<------------------------| send(3, "0123456789", 10) = 6 (short)
  | = 4 "0123" (part)       |
  | recv(4) = 2 "45"        |
  : recv(4)                 |
  :<--------reset-----------| killed by SIGKILL
  | = -1 ECONNRESET
  | send(4, "no", 2)
  | = -1 EPIPE, 2x
END
}

@test "a picture shows who was the last to have a connection open" {
    cat >"$folder/trace" <<'END'
100 10 0 start server
110 10 0 ( listen 3 127.0.0.1:5000 - 0 5
120 10 0 ) 0 127.0.0.1:5000 -
130 10 0 ( accept 3 127.0.0.1:5000 - 0
200 20 0 start client
210 20 0 ( connect 3 0.0.0.0:0 - 0 127.0.0.1:5000
220 20 0 ) 0 127.0.0.1:4000 127.0.0.1:5000
230 10 0 ) 4 127.0.0.1:5000 127.0.0.1:4000 4 from 127.0.0.1:4000
240 10 0 ( fork -2 - - 0
250 10 0 ) 30 - -
260 30 0 start child 1
265 30 0 ( close 3 127.0.0.1:5000 - 0
268 30 0 ) 0 - -
270 10 0 ( close 4 127.0.0.1:5000 127.0.0.1:4000 0
280 10 0 ) 0 - -
290 20 0 ( recv 3 127.0.0.1:4000 127.0.0.1:5000 0
60000 20 0 ) 0 127.0.0.1:4000 127.0.0.1:5000 0 end of file
END
    build/support/draw -a "$folder/trace" >"$folder/drawn"
    diff "$folder/drawn" - <<'END'
 server         child 1                  client
  | listen(3, 5)
  : accept(3)
  :<--------------------------------------| connect(3, 127.0.0.1:5000)
  | = 4 from 127.0.0.1:4000               |
  | fork() ----->|                        |
  |              | close(3)               |
  | close(4)     |                        |
  |              |                        : recv(3)
  |              | killed --end of file-->:
  |                                       | = 0 end of file
END
}

@test "a picture as SVG has the same texts and arrows" {
    cat >"$folder/trace" <<'END'
100 10 0 start server
110 10 0 ( listen 3 127.0.0.1:5000 - 0 5
120 10 0 ) 0 127.0.0.1:5000 -
200 20 0 start client
210 20 0 ( connect 3 0.0.0.0:0 - 0 127.0.0.1:5000
220 20 0 ) 0 127.0.0.1:4000 127.0.0.1:5000
223 10 0 ( accept 3 127.0.0.1:5000 - 0
226 10 0 ) 4 127.0.0.1:5000 127.0.0.1:4000 4 from 127.0.0.1:4000
230 20 0 ( send 3 127.0.0.1:4000 127.0.0.1:5000 3 "<&>", 3
240 20 0 ) 3 127.0.0.1:4000 127.0.0.1:5000
250 20 0 ( accept 9 - - 0
260 20 0 ) -1 - - -1 EBADF
END
    build/support/draw -t 'a < b' -o "$folder/svg" "$folder/trace"
    sed -n 's/.*class="\([a-z]*\)"[^>]*>\(.*\)<.text>$/\1: \2/p' "$folder/svg" |
        diff - <(echo 'name: a &#60; b
name: server
name: client
text: listen(3, 5)
text: connect(3, 127.0.0.1:5000)
text: accept(3) = 4 from 127.0.0.1:4000
text: send(3, "&#60;&#38;>", 3)
text: accept(9)
failed: = -1 EBADF')
    [ "$(grep -c 'class="arrow head"' "$folder/svg")" = 2 ]
}

@test "a picture tells whether a test made a call fail" {
    [ "$(uname)" = Linux ] || skip 'only Linux lets programs be watched'
    FAULTS=socket=EMFILE TRACE=$folder/trace LD_PRELOAD=build/support/preload.so \
        ASAN_OPTIONS=verify_asan_link_order=0 \
        build/check/solutions/lab1/server 0 2>"$folder/errors" || true
    build/support/draw -a "$folder/trace" >"$folder/drawn"
    diff "$folder/drawn" - <<'END'
 server
  | socket(AF_INET)
  | = -1 EMFILE (by the test)
END
}

# README and commands

not_listed() {
    local lab name help
    help=$($make help)
    for lab in "${labs[@]}"; do
        grep -q "^|.*handouts/$lab\.md" README.md ||
            echo "README.md's table does not have $lab"
        name=${lab#lab}
        grep -q "^ *${name%%-*} ${name#*-} " <<<"$help" ||
            echo "make help does not have $lab"
    done
}

@test "README and make help name every lab" {
    finds_nothing not_listed
}

@test "make lab9 says which labs there are" {
    ! $make lab9 >"$folder/out" 2>&1 || false
    grep -qF "The labs are: ${labs[*]%%-*}" "$folder/out"
}

@test "nothing of an interrupted play is left" {
    local signal
    # The first lab's pair, which leaves its process numbers. Its client waits
    # for a server that is stopped.
    # shellcheck disable=SC2016 # $ is for the script
    printf '#!/bin/sh\necho $$ >"$0.pid"\nexec %s/${0##*/} "$@"\n' \
        "$kit/build/check/solutions/${labs[0]%%-*}" >"$folder/server"
    chmod +x "$folder/server"
    cp "$folder/server" "$folder/client"
    cp build/support/play "$folder" # without the library beside it
    cat >"$folder/waits" <<'END'
$ server 5000
server: Socket successfully created
server: Socket bound to 127.0.0.1 port 5000
server: Listening on 127.0.0.1 port 5000
(server is paused)
$ client 127.0.0.1 5000
client: Thank you for connecting
END
    mkdir "$folder/tmp"
    for signal in INT TERM HUP; do
        finds_nothing left_after "$signal"
    done
}

left_after() { # left_after SIGNAL
    local leader pid client=
    mkfifo "$folder/client.pid" # says when the client is there
    set -m # a process group of its own, as in a terminal
    TMPDIR=$folder/tmp "$folder/play" -d "$folder" "$folder/waits" 3>&- &
    leader=$!
    set +m
    read -r -t 10 client <>"$folder/client.pid"
    kill -s "$1" -- "-$leader"
    wait "$leader" || [ $? -gt 128 ] || echo "play was done before SIG$1"
    for pid in "$(cat "$folder/server.pid")" "$client"; do
        ! kill -0 "$pid" || echo "after SIG$1 process $pid is alive"
        kill -KILL "$pid"
    done 2>/dev/null
    rm "$folder"/{client,server}.pid
    ls -A "$folder/tmp"
}

# What students get

# Packs labs in a copy of the kit, and goes to where a student unpacks it.
pack() { # pack [N...]
    mkdir -p "$folder/kit" "$folder/student"
    cp -R GNUmakefile labs solutions handouts scripts tests "$folder/kit"
    (cd "$folder/kit" && $make dist LABS="$*")
    cd "$folder/student"
    tar -xzf "$folder/kit/build/socket-labs.tar.gz"
    cd socket-labs
    mkdir build # quicker than to compile them again
    cp -R "$kit"/build/{cc,flags,support} build
}

not_for_students() {
    local lab file
    find . -name 'solutions*' -o -name kit.bats -o -name instructor.md \
        -o -name mutants -o -name variants
    grep -n '/\* Step [0-9]' labs/*/*.c
    for lab in "${labs[@]}"; do
        for file in "labs/$lab"/{server,client}.c "handouts/$lab.md" \
            "tests/$lab.bats"; do
            cmp "$file" "$kit/$file"
        done
    done
}

@test "make dist packs every lab, and no solution" {
    pack
    finds_nothing not_for_students
}

given_away() {
    local header from
    for header in "$kit"/labs/lib/*.h; do
        from=$(sed -n 's/.*from lab \([0-9]*\) on.*/\1/p' "$header" | head -n 1)
        [ "$from" -le 2 ] || find . -name "$(basename "$header" .h).[ch]"
    done
    ls labs handouts tests | grep 'lab[3-9]'
}

@test "make dist of labs 1 and 2 has nothing of the later ones" {
    pack 1 2
    finds_nothing given_away
}

@test "make dist refuses a lab that is not there" {
    local operand status
    for operand in 9 x '1 2' ''; do
        status=0
        scripts/dist "$operand" >"$folder/out" 2>&1 || status=$?
        [ $status = 2 ]
        grep -q "there is no lab '$operand'; the labs are: 1 2" "$folder/out"
    done
}

@test "a student is told what to do first, and next" {
    pack 1 2
    $make -j2 check | grep -F 'Start with handouts/lab1-greeting.md'
    # The tests of the other steps would be quick, but not quick enough.
    sed '/^@test "step [2-9]/,/^}/d' "$kit/tests/lab1-greeting.bats" \
        >tests/lab1-greeting.bats
    echo '/* begun */' >>labs/lab1-greeting/client.c
    ! $make check >"$folder/out" 2>&1 || false
    grep 'step 1 is still to be done: TODO 1 in labs/lab1' "$folder/out"
    ! grep labs/lab2 "$folder/out" || false
}

# Goes to a kit of lab 1 only, where the solution is in place of what a student
# compiles. It is quicker than `pack`, and has nothing to say what was handed out.
begin() {
    mkdir -p "$folder"/student/{labs,handouts,tests,build/check}
    cd "$folder/student"
    cp -R "$kit"/{GNUmakefile,scripts} .
    cp -R "$kit"/labs/{lib,lab1-greeting} labs
    cp "$kit/handouts/lab1-greeting.md" handouts
    cp -R "$kit/tests/support" tests
    # One test is quicker than all.
    sed -E '/^@test "(given|step [2-9])/,/^}/d' "$kit/tests/lab1-greeting.bats" \
        >tests/lab1-greeting.bats
    cp -R "$kit"/build/{cc,flags,support} build
    cp -R "$kit"/build/check/{flags,lib} "$kit/build/check/solutions/lab1" \
        build/check
    # The bats that a student runs is not the inner one of the bats that runs.
    PATH=${PATH#*/bats-core:}
}

@test "make says how far a student is, until a file changes" {
    begin
    $make | grep '^  1 greeting not checked yet '
    tests/support/check labs/lab1-greeting
    $make | grep '^  1 greeting 1 of 1 steps    well done: a socket is'
    echo >>labs/lab1-greeting/client.c
    $make >"$folder/out"
    grep '^  1 greeting not checked since it changed$' "$folder/out"
    grep '^    make check-lab1$' "$folder/out"
    ! grep -E '^.{81}' "$folder/out" || false
}

# What a check would have written: step N is the first that fails.
fails_at() { # fails_at N
    { echo "$1 0 of 7 steps" && tests/support/progress -s lab1-greeting; } \
        >build/check/lab1/progress
}

@test "make hint gives one hint more at each call, and no more than there are" {
    local step n
    begin
    for step in 2 7; do
        fails_at $step
        section Hints handouts/lab1-greeting.md |
            sed "1,/^Step $step\./d" | sed '/^Step/,$d' >"$folder/hints"
        for n in 1 2 3 4; do
            scripts/hint lab1 >"$folder/out"
            sed -n '/^- /,$p' "$folder/out" | sed '$d' | cmp - <(
                awk -v n=$n '/^- / { i++ } NF && i <= n' "$folder/hints")
        done
        grep "last hint.* handouts/lab1-greeting.md, step $step\$" "$folder/out"
    done
    fails_at 8
    $make hint-lab1 | grep 'lab1-greeting: it is done'
}

@test "make hint says why there can be none" {
    begin
    echo '#error "half a line"' >>labs/lab1-greeting/client.c
    fails_at 1
    echo >>labs/lab1-greeting/client.c
    ! $make hint-lab1 >"$folder/out" 2>&1 || false
    grep 'Mend this first' "$folder/out"
    grep 'half a line' "$folder/out"
}

@test "make watch sees a save, and Ctrl-C leaves nothing" {
    local leader
    ! sh -c 'kill -s INT $$' || skip 'Ctrl-C is ignored where this runs'
    begin
    mkdir "$folder/tmp"
    mkfifo "$folder/held" # its end of file says that nobody is left
    printf '@test "step 1: this does not end" {\n%s\n}\n' \
        "sh -c 'exec >$folder/held; echo; exec sleep 60'" >tests/lab1-greeting.bats
    set -m # a process group of its own, as in a terminal
    TMPDIR=$folder/tmp $make watch-lab1 >"$folder/out" 2>&1 3>&- &
    leader=$!
    set +m
    exec 8<>"$folder/held"
    read -r -t 20 <&8
    echo '/* saved */' >>labs/lab1-greeting/client.c
    read -r -t 20 <&8
    exec 8<"$folder/held"
    kill -s INT -- "-$leader"
    wait "$leader" || [ $? -eq 130 ]
    read -r -t 5 <&8 || [ $? -eq 1 ]
    finds_nothing cat "$folder/out"
    finds_nothing ls -A "$folder/tmp"
}

@test "a student's make demo shows the transcript without running anything" {
    pack 1
    $make demo-lab1 | grep 'Thank you for connecting'
    [ ! -e build/lab1/server ]
}

@test "what students do not have says so in one line" {
    local target
    pack 1
    for target in solutions dist lint; do
        ! $make $target >"$folder/out" 2>&1 || false
        grep "make $target: the students' kit has none" "$folder/out"
        [ "$(wc -l <"$folder/out")" -eq 1 ]
    done
}
