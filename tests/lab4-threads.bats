#!/usr/bin/env bats
# Lab 4, threads: what the server and the client must do, step by step.
# Each test is a transcript of programs: tests/README.md has the key.
load support/lab

thanks='Server has received your data thanks'

# The first lines of most transcripts, with the scripted peer as the client or
# the server.
server_serves() {
    cat <<END
\$ server $* 3000
server: Listening on 127.0.0.1 port 3000
\$ peer connect 3000
peer: [connected from port {client}]
server: Client 1 connected from 127.0.0.1 port {client}
END
}

client_talks() {
    cat <<'END'
$ peer listen 3000
peer: [listening on 127.0.0.1 port 3000]
$ client 127.0.0.1 3000
peer: [accepted]
END
}

# talks PEER NUMBER TEXT: a client's line, as the server prints and answers it.
talks() {
    cat <<END
$1< send $3\\n
server: Client $2: $3
$1: $thanks\\n
END
}

# More clients than a pool or a table of 64 has room for.
crowd=(- peer peer{2..70})
crowd_connects() {
    printf '%s\n' '$ server 3000' 'server: Listening on 127.0.0.1 port 3000'
    for ((i = 1; i <= 70; i++)); do
        printf '%s\n' '$ peer connect 3000' \
            "${crowd[i]}: [connected from port {p$i}]" \
            "server: Client $i connected from 127.0.0.1 port {p$i}"
    done
}

@test "given: -h prints the usage" {
    prints_usage
}

@test "given: wrong usage ends with status 2" {
    refuses_operands 'server -x' 'server -q -x' 'server 3000 127.0.0.1 more' 'client -q' \
        'client 127.0.0.1 3000 more'
}

@test "given: a port is digits, from 0 or 1 to 65535" {
    refuses_ports
}

@test "given: an address that is none is refused" {
    refuses_addresses 'server 0 ADDRESS' 'client ADDRESS 3000'
}

@test "given: without operands it is port 3000 of 127.0.0.1" {
    play <<'END'
# If somebody else has the port just now, the server says so, and which it is.
$ server >&2
server! *127.0.0.1 port 3000*
END
}

@test "given: only this machine can connect, unless told otherwise" {
    on_linux "has more loopback addresses than 127.0.0.1"
    play <<'END'
# Bind to the address that cli.h gives, not to INADDR_ANY.
$ server 3000
server: Listening on 127.0.0.1 port 3000
$ peer connect 127.0.0.2 3000
peer: [cannot connect: Connection refused]
END
}

@test "given: who cannot start says why and exits 1" {
    play <<'END'
$ peer listen 3000
peer: [listening on 127.0.0.1 port 3000]
$ server 3000
server! server: *127.0.0.1 port 3000*: Address*in use
(server exits 1)
END
    play <<'END'
$ peer hold 3000
peer: [holding 127.0.0.1 port 3000]
$ client 127.0.0.1 3000
client! client: connect*127.0.0.1 port 3000*: Connection refused
(client exits 1)
END
}

@test "step 1: the server gives a client its number" {
    {
        echo '# Count up first, then store the number: the first client is 1.'
        server_serves
        printf '%s\n' 'server: ...' 'peer: ...'
    } | play
    {
        echo '# -q is for messages. Who comes and goes is printed all the same.'
        server_serves -q
        printf '%s\n' 'server: ...' 'peer: ...'
    } | play
}

@test "step 2: a line is printed, and answered" {
    {
        server_serves
        cat <<'END'
# Nothing is printed? A thread may wait for the lock: whoever takes it gives it
# back, in step 1, too. The answer is a line: it ends with a newline, and no NUL.
END
        talks peer 1 'Hello from the client 1'
    } | play
    { server_serves; cat <<END; } | play
# Print the line first, and then answer it. What is printed after that, while
# the server stands still here, comes too late.
peer< send Hello\n
peer: $thanks\n
(server is paused)
server: Client 1: Hello
END
}

@test "step 2: the server waits for a silent client, and Ctrl-C ends it" {
    for signal in SIGINT SIGTERM; do
        { server_serves; cat <<END; } | play
# Leave the two signals as they are: they end a program with all its threads.
(server idles)
(server gets $signal)
(server ends)
peer: [end of file]
END
    done
}

@test "step 2: the second client is served while the first is silent" {
    { server_serves; cat <<END; } | play
# Each client needs a thread of its own. Whoever serves one in the loop around
# accept, or joins its thread there, lets all others wait; and so does who has
# the lock while it serves, or does not give it back: unlock on every way out.
\$ peer connect 3000
peer2: [connected from port {second}]
server: Client 2 connected from 127.0.0.1 port {second}
$(talks peer2 2 'Hello from the client 2')
# Now the first client talks. A thread needs a struct and a reader of its own,
# from malloc: what is static belongs to all threads at once. And no thread has
# the lock while it serves.
$(talks peer 1 'Hello from the client 1')
$(talks peer2 2 'and again')
END
}

@test "step 2: a thread that starts late serves its own client" {
    play_hindered thread=+200@1 <<'END'
# Here the first thread starts late, and the second does not. The numbers are in
# the order of accept: main gives them, and not the threads.
$ server 3000
server: Listening on 127.0.0.1 port 3000
$ peer connect 3000
peer: [connected from port {first}]
$ peer connect 3000
peer2: [connected from port {second}]
server~ Client 1 connected from *127.0.0.1 port {first}
server~ Client 2 connected from *127.0.0.1 port {second}
END
    play_hindered thread=+100 <<END
# Here every thread starts 100 ms late, when more clients have been accepted. A
# thread must be given memory of its own, from malloc: a variable of main's, or
# one that all share, is the next client's by then; what is static belongs to all
# threads at once.
\$ server 3000
server: Listening on 127.0.0.1 port 3000
\$ peer connect 3000
peer: [connected from port {first}]
\$ peer connect 3000
peer2: [connected from port {second}]
\$ peer connect 3000
peer3: [connected from port {third}]
server~ Client 1 connected from *127.0.0.1 port {first}
server~ Client 2 connected from *127.0.0.1 port {second}
server~ Client 3 connected from *127.0.0.1 port {third}
$(talks peer 1 one)
$(talks peer2 2 two)
$(talks peer3 3 three)
$(talks peer 1 one)
END
}

@test "step 2: lines in pieces, and several in one piece" {
    { server_serves; cat <<END; } | play
# The line reader makes lines of what comes, and keeps what is behind a newline.
# Each thread has its own one, from the first line to the last.
peer< bytes one\n
server: Client 1: one
peer: $thanks\n
(server is paused)
peer< send two\nthree\r\n\nfo
(server continues)
server: Client 1: two
server: Client 1: three
server: Client 1: 
peer: $thanks\n
peer: $thanks\n
peer: $thanks\n
peer< send ur\n
server: Client 1: four
peer: $thanks\n
END
}

@test "step 2: any byte may be in a line, and 1024 of them" {
    { server_serves; cat <<END; } | play
# Print a line with its length, not as a string or a format. Its newline counts
# among the 1024.
$(talks peer 1 ' a\0b\rc %s %n é ')
$(talks peer 1 "$(repeat 1023 x)")
peer< send $(repeat 1022 y)\r\n
server: Client 1: $(repeat 1022 y)
peer: $thanks\n
# Of \r\r\n only the last two end the line.
peer< send one\r\r\n
server: Client 1: one\r
peer: $thanks\n
END
}

@test "step 2: server -q prints no line for each message" {
    { server_serves -q; cat <<END; } | play
# A message is answered, and not printed: -q leaves out nothing else. The lines
# that say who comes and goes are printed all the same. And each way out of a
# function gives the lock back.
peer< send Hello\nagain\n
peer: $thanks\n
peer: $thanks\n
\$ peer connect 3000
peer2: [connected from port {second}]
server: Client 2 connected from 127.0.0.1 port {second}
END
}

@test "step 2: seventy clients at once" {
    long=$(repeat 60 ', and a long line') lines=(1 2 3 4 5 6)
    {
        crowd_connects
        echo '(server is paused)'
        for ((i = 1; i <= 70; i++)); do
            echo "${crowd[i]}< send $(printf "%s$long\\\\n" "${lines[@]}")"
        done
        cat <<'END'
(server continues)
# Each line is printed once, and whole. When it takes more than one call to
# print it, other threads can print in between: lock stdout, flockfile(3), as
# print_line does. And what is static belongs to all threads at once.
END
        for ((i = 1; i <= 70; i++)); do
            printf "server~ Client $i: %s$long\\n" "${lines[@]}"
        done
        for ((i = 1; i <= 70; i++)); do
            printf "${crowd[i]}: $thanks\\\\n%.0s\\n" "${lines[@]}"
        done
    } | play
}

@test "step 2: a client that does not read its answers holds nobody up" {
    { server_serves -q; cat <<END; } | play_hindered buffers=4096
# Once nobody takes the answers, send(2) waits. Let it wait in that client's
# thread only: not while the lock is held that others need.
\$ peer deaf 3000
peer2: [connected from port {deaf}]
server: Client 2 connected from 127.0.0.1 port {deaf}
peer2< flood Hello\n
peer< send Hello\n
peer: $thanks\n
\$ peer connect 3000
peer3: [connected from port {third}]
server: Client 3 connected from 127.0.0.1 port {third}
peer3< send Hello\n
peer3: $thanks\n
END
}

@test "step 2: threads that share data take turns" {
    needs_thread_sanitizer
    { server_serves; cat <<END; } | play_threads
# Whatever more than one thread uses is used under the one mutex only.
\$ peer connect 3000
peer2: [connected from port {second}]
server: Client 2 connected from 127.0.0.1 port {second}
$(talks peer2 2 two)
$(talks peer 1 one)
END
}

@test "step 3: bye ends a client, and is neither printed nor answered" {
    { server_serves; cat <<END; } | play
$(talks peer 1 Hello)
# Look for bye before the line is printed and answered. It ends this client's
# thread, and not the server. Count down before the count is printed: it is
# that of the others. 4294967295 is 0 - 1: step 1 counts each of them up.
peer< send bye\n
server: Client 1 disconnected (0 still connected)
# Nobody answers bye. Close the connection, or the client waits for ever.
peer: [end of file]
# When nothing more comes here: was the mutex unlocked? The number is that of all
# clients so far, the count that of those who are there.
peer< connect
peer: [connected from port {second}]
server: Client 2 connected from 127.0.0.1 port {second}
END
    { server_serves; cat <<END; } | play
# What comes after it is not looked at.
peer< send Hello\nbye\r\nnobody hears this\n
server: Client 1: Hello
server: Client 1 disconnected (0 still connected)
peer: $thanks\n
END
}

@test "step 3: only the line bye is bye" {
    {
        server_serves
        echo '# Compare the whole line, and its length.'
        for line in 'bye bye' by Bye BYE 'good bye' ' bye' 'bye ' byebye bye. \
            'bye\0' '\0bye'; do
            talks peer 1 "$line"
        done
    } | play
}

@test "step 3: the end of file ends a client, too" {
    { server_serves; cat <<END; } | play
# A last line without its newline is a line. It is answered before the client
# leaves. At the end of file, when read_line returns 0, it leaves as after bye.
peer< send Hello\nnot finished
peer< finish
server: Client 1: Hello
server: Client 1: not finished
server: Client 1 disconnected (0 still connected)
peer: $thanks\n
peer: $thanks\n
peer: [end of file]
END
    { server_serves; cat <<'END'; } | play
peer< send bye
peer< finish
server: Client 1 disconnected (0 still connected)
peer: [end of file]
END
}

@test "step 3: who leaves is not counted any more, and numbers are not reused" {
    { server_serves; cat <<END; } | play
# The number is that of all clients so far, the count that of those who are
# there, without the one who leaves.
\$ peer connect 3000
peer2: [connected from port {second}]
server: Client 2 connected from 127.0.0.1 port {second}
\$ peer connect 3000
peer3: [connected from port {third}]
server: Client 3 connected from 127.0.0.1 port {third}
peer2< close
server: Client 2 disconnected (2 still connected)
peer2< connect
peer2: [connected from port {fourth}]
server: Client 4 connected from 127.0.0.1 port {fourth}
peer< send bye\n
server: Client 1 disconnected (2 still connected)
peer2< finish
server: Client 4 disconnected (1 still connected)
$(talks peer3 3 'all alone')
peer3< close
server: Client 3 disconnected (0 still connected)
END
}

@test "step 3: threads that share data take turns, to the end" {
    needs_thread_sanitizer
    { server_serves; cat <<END; } | play_threads
# Whatever more than one thread uses is used under the one mutex only.
\$ peer connect 3000
peer2: [connected from port {second}]
server: Client 2 connected from 127.0.0.1 port {second}
(server is paused)
peer< send bye\n
peer2< send bye\n
(server continues)
server~ Client 1 disconnected (* still connected)
server~ Client 2 disconnected (* still connected)
peer: [end of file]
peer2: [end of file]
peer< close
peer< connect
peer: [connected from port {third}]
server: Client 3 connected from 127.0.0.1 port {third}
END
}

@test "step 3: a connection is closed once" {
    for gone in 'send bye\n' finish; do
        { server_serves; cat <<END; } | play_hindered close=+100
# As soon as it is closed, its descriptor may be that of another client. A second
# close, anywhere, ends that one then.
peer< $gone
peer: [end of file]
server: ...
\$ peer connect 3000
peer2: [connected from port *]
\$ peer connect 3000
peer3: [connected from port *]
(server idles)
peer2< send Hello\n
peer2: $thanks\n
peer3< send Hello\n
peer3: $thanks\n
END
    done
}

@test "step 3: a client that is gone leaves, and nobody else notices" {
    for gone in close reset; do
        { server_serves -q; cat <<END; } | play
# What goes wrong with one client ends its thread, which leaves as after bye:
# exit, and err, end the server with all its threads. To send to somebody who is
# gone raises SIGPIPE, unless it is ignored.
\$ peer connect 3000
peer2: [connected from port {second}]
server: Client 2 connected from 127.0.0.1 port {second}
peer< $gone
server: Client 1 disconnected (1 still connected)
peer< connect
peer: [connected from port {third}]
server: Client 3 connected from 127.0.0.1 port {third}
(server is paused)
peer< send $(repeat 9 'Hello\\n')
peer< $gone
(server continues)
server: Client 3 disconnected (1 still connected)
peer2< send Hello\n
peer2: $thanks\n
END
    done
}

@test "step 3: a line that is too long ends its client, and nobody else" {
    for line in "$(repeat 1024 x)\\n" "$(repeat 3000 x)" \
        "$(repeat 1023 x)\\r\\n"; do
        { server_serves; cat <<END; } | play
# Here are more than 1024 bytes, the newline and a \r before it counted: say so
# on stderr and close, without waiting for the rest. Nothing of it is printed.
\$ peer connect 3000
peer2: [connected from port {second}]
server: Client 2 connected from 127.0.0.1 port {second}
peer< send $line
server! *
server: Client 1 disconnected (1 still connected)
peer: *
peer: ...
$(talks peer2 2 'still there')
END
    done
}

@test "step 3: seventy clients leave at once" {
    {
        crowd_connects
        echo '(server is paused)'
        for ((i = 1; i <= 70; i++)); do
            echo "${crowd[i]}< close"
        done
        echo '(server continues)'
        echo '# Each count is there once: count down and take the number under'
        echo '# the same lock.'
        for ((i = 69; i >= 0; i--)); do
            echo "server~ Client * disconnected ($i still connected)"
        done
    } | play
}

@test "step 3: 260 clients, and nothing of them is left" {
    on_linux "tells here what a program uses"
    {
        server_serves
        printf '%s\n' 'peer< close' \
            'server: Client 1 disconnected (0 still connected)'
        for ((i = 2; i <= 260; i++)); do
            [ $i -ne 5 ] || echo '(server is measured)'
            [ $((i % 2)) = 0 ] && gone=reset || gone=close
            printf '%s\n' 'peer< connect' \
                'peer: [connected from port *]' \
                "server: Client $i connected from 127.0.0.1 port *" \
                "peer< $gone" \
                "server: Client $i disconnected (0 still connected)"
        done
        echo '(server has not grown)'
    } | play
}

@test "step 3: who leaves gives back the memory of the client" {
    on_linux "preloads what searches for leaks"
    { server_serves; cat <<END; } | play_hindered leaks=SIGTERM
# Free what malloc gave for this client, when its thread is done with it.
peer< close
server: Client 1 disconnected (0 still connected)
peer< connect
peer: [connected from port {second}]
server: Client 2 connected from 127.0.0.1 port {second}
peer< close
server: Client 2 disconnected (0 still connected)
(server gets SIGTERM)
(server ends)
END
}

@test "step 3: out of descriptors, the server waits and goes on later" {
    on_linux "can take descriptors from a program that runs"
    { server_serves -q; cat <<END; } | play_hindered timeouts=50
# When accept fails with EMFILE it fails at once, each time: warn, then wait a
# second before the next try. Who is connected does not notice, and may be silent
# for as long as it likes.
(server idles)
(server can open no more)
\$ peer connect 3000
peer2: [connected from port {second}]
\$ peer connect 3000
peer3: [connected from port {third}]
server: ...
server! *
(server idles)
peer< send Hello\n
peer: $thanks\n
(server has descriptors again)
# One client may have been accepted, and closed. Who is in the queue is served.
peer2: ...
peer3< send Hello\n
peer3: $thanks\n
END
}

@test "step 3: without a thread, that client is sent away and the next served" {
    play_hindered pthread_create=EAGAIN@1 <<END
# pthread_create returns what went wrong; it does not set errno. Close this
# client's connection, give back what it had, and go on.
\$ server 3000
server: Listening on 127.0.0.1 port 3000
\$ peer connect 3000
peer: [connected from port *]
server: ...
peer< send Hello\n
peer: *
peer: ...
\$ peer connect 3000
peer2: [connected from port *]
peer2< send Hello\n
peer2: $thanks\n
# Nobody is there any more. Who was sent away is not counted.
peer< close
peer2< close
server: Client * disconnected (0 still connected)
END
}

@test "step 3: the server can start again at once on the same port" {
    { server_serves; cat <<END; } | play
peer< send bye\n
server: Client 1 disconnected (0 still connected)
peer: [end of file]
(server gets SIGTERM)
(server ends)
peer< close
\$ server 3000
server2: Listening on 127.0.0.1 port 3000
END
}

@test "step 4: the client sends a line and prints the answer" {
    { client_talks; cat <<END; } | play_hindered timeouts=50
# Each line goes out with one newline; what comes back is printed behind "From
# Server: ". An answer is waited for as long as it takes.
(client idles)
client< Hello from the client 1
peer: Hello from the client 1\n
(client idles)
peer< send $thanks\n
client: From Server: $thanks
client< 
peer: \n
# An answer may come in pieces, end in \r\n, and have any byte in it. It comes from
# the reader of the connection, not from that of stdin.
peer< bytes a\0b %s\r\n
client: From Server: a\0b %s
# An empty line is an answer, and not the end of file.
client< Hello
peer: Hello\n
peer< send \n
client: From Server: 
client< Hello
peer: Hello\n
END
}

@test "step 4: a typed line of 1024 bytes is sent, a longer one is not" {
    fits=$(repeat 1023 x)
    { client_talks; cat <<END; } | play
# The newline counts. A line that is too long is not sent, no part of it: warn,
# drop it up to its newline, and read another one.
client< x$fits
client! *
client< ${fits}$fits${fits}
client! *
client< $fits
peer: $fits\n
peer< send $thanks\n
client: From Server: $thanks
END
}

@test "step 4: bye ends the client at once" {
    { client_talks; cat <<END; } | play
# It is sent like any other line. Nobody answers it, so do not wait: return.
$(for line in goodbye Bye byebye; do
    printf '%s\n' "client< $line" "peer: $line\\n" "peer< send $thanks\\n" \
        "client: From Server: $thanks"
done)
client< bye
peer: bye\n
peer: [end of file]
(client exits 0)
END
}

@test "step 4: when the server is gone, the client says so and exits 1" {
    for gone in close reset; do
        { client_talks; cat <<END; } | play
# The end of file in place of an answer (print_answer is false), or ECONNRESET,
# or EPIPE: say so and exit 1.
client< Hello
peer: Hello\n
peer< $gone
client! *
(client exits 1)
END
        { client_talks; cat <<END; } | play
# To send to a server that is gone fails, or the next recv does. SIGPIPE is
# ignored, or it would end the program.
client< Hello
peer: Hello\n
peer< send $thanks\n
client: From Server: $thanks
peer< $gone
client< Hello
client! *
(client exits 1)
END
    done
    { client_talks; cat <<END; } | play
# To send to a server that is gone fails. SIGPIPE is ignored, or it would end the
# program.
(client idles)
peer< finish
peer< reset
client< Hello
client! *
(client exits 1)
END
}

@test "step 4: an answer that is too long: exit 1" {
    { client_talks; cat <<END; } | play
client< Hello
peer: Hello\n
peer< send $(repeat 3000 x)
client! *
(client exits 1)
END
}

@test "step 4: Ctrl-C ends the client" {
    for signal in SIGINT SIGTERM; do
        { client_talks; cat <<END; } | play
(client idles)
(client gets $signal)
(client ends)
peer: [end of file]
END
    done
}

@test "step 5: at the end of input the client half-closes, and hears the rest" {
    { client_talks; cat <<END; } | play
# shutdown(2) tells the server that no more will come. It may still have
# something to say: print that, until the end of file.
client< Hello
peer: Hello\n
peer< send $thanks\n
client: From Server: $thanks
client< not finished^D
peer: not finished*
peer< send $thanks\nand \r\n
client: From Server: $thanks
client: From Server: and 
peer: [end of file]
peer< send goodbye
peer< finish
client: From Server: goodbye
(client exits 0)
END
    { client_talks; cat <<END; } | play
# A reset is no end of file.
client< ^D
peer: [end of file]
peer< reset
client! *
(client exits 1)
END
}

@test "step 5: all lines of a file are answered, up to bye" {
    printf 'one\nt\0w\377o\nthree' >"$folder/typed"
    play <<END
# A typed line has a length. It may have a NUL in it, or a byte like EOF.
\$ server 3000
server: Listening on 127.0.0.1 port 3000
\$ client 127.0.0.1 3000 < $folder/typed
server: Client 1 connected from 127.0.0.1 port *
server: Client 1: one
server: Client 1: t\0w\xffo
server: Client 1: three
server: Client 1 disconnected (0 still connected)
client: From Server: $thanks
client: From Server: $thanks
client: From Server: $thanks
(client exits 0)
END
    printf 'one\ntwo\nbye\nthree\n' >"$folder/typed"
    play <<END
# Whoever sends ahead has to print the answers all the same before it ends.
\$ server 3000
server: Listening on 127.0.0.1 port 3000
\$ client 127.0.0.1 3000 < $folder/typed
server: Client 1 connected from 127.0.0.1 port *
server: Client 1: one
server: Client 1: two
server: Client 1 disconnected (0 still connected)
client: From Server: $thanks
client: From Server: $thanks
(client exits 0)
END
}

@test "step 5: the handout's transcripts" {
    play "handouts/$lab.md"
}
