#!/usr/bin/env bats
# Lab 2, echo: what the server and the client must do, step by step.
# Each test is a transcript of programs: tests/README.md has the key.
load support/lab

# same_came_back CAUSE: compares what a client printed with what it read.
same_came_back() {
    cmp "$folder/file" "$folder/back" && return
    printf 'Likely cause:\n    %s\n' "$1"
    return 1
}

@test "given: -h prints the usage" {
    prints_usage
}

@test "given: wrong usage ends with status 2" {
    refuses_operands 'server -x' 'server 1234 127.0.0.1 more' 'client -x' \
        'client 127.0.0.1 1234 more'
}

@test "given: a port is digits, from 0 or 1 to 65535" {
    refuses_ports
}

@test "given: an address that is none is refused" {
    refuses_addresses 'server 0 ADDRESS' 'client ADDRESS 1234'
}

@test "given: without operands it is port 1234 of 127.0.0.1" {
    play <<'END'
# If somebody else has the port just now, the server says so, and which it is.
$ server >&2
server! *127.0.0.1 port 1234*
END
}

@test "given: who cannot start says why and exits 1" {
    play <<'END'
# Compare each call's result with -1, and end with err(3), which adds why.
$ peer listen 1234
peer: [listening on 127.0.0.1 port 1234]
$ server 1234
server! server: *127.0.0.1 port 1234*: Address*in use
(server exits 1)
END
    play <<'END'
$ peer hold 1234
peer: [holding 127.0.0.1 port 1234]
$ client 127.0.0.1 1234
client! client: connect*127.0.0.1 port 1234*: Connection refused
(client exits 1)
END
}

@test "step 1: the server accepts a client and says who it is" {
    play <<'END'
# accept_client fills in the address; address_text makes it readable.
$ server 1234
server: Listening on 127.0.0.1 port 1234
$ peer connect 1234
peer: [connected from port {client}]
server: Client 127.0.0.1 port {client} connected
server: ...
END
}

@test "step 1: only this machine can connect, unless told otherwise" {
    on_linux "has more loopback addresses than 127.0.0.1"
    play <<'END'
# Bind to the address that cli.h gives, not to INADDR_ANY.
$ server 1234
server: Listening on 127.0.0.1 port 1234
$ peer connect 127.0.0.2 1234
peer: [cannot connect: Connection refused]
END
    play <<'END'
$ server 1234 0.0.0.0
server: Listening on 0.0.0.0 port 1234
server: ...
$ peer connect 127.0.0.2 1234
peer: [connected from port *]
END
}

@test "step 1: Ctrl-C ends a server that waits" {
    for signal in SIGINT SIGTERM; do
        play <<END
# Leave these two signals as they are: they end a program by themselves.
\$ server 1234
server: Listening on 127.0.0.1 port 1234
(server gets $signal)
(server ends)
END
    done
}

@test "step 2: a client that says nothing is waited for, until it ends" {
    play_hindered timeouts=50 <<'END'
# recv(2) waits by itself, for as long as it takes. When it returns 0, the client
# has no more to say: that is the end of file, and not an error.
$ server 1234
server: Listening on 127.0.0.1 port 1234
$ peer connect 1234
peer: [connected from port {client}]
server: Client 127.0.0.1 port {client} connected
(server idles)
peer< finish
server: Client 127.0.0.1 port {client} disconnected after 0 bytes
# Step 1 closes the connection, or the client waits for ever.
peer: [end of file]
END
}

@test "step 2: the server waits for the next client, and the next" {
    play <<'END'
# There is a loop around accept, echo and close.
$ server 1234
server: Listening on 127.0.0.1 port 1234
(server idles)
$ peer connect 1234
peer: [connected from port {one}]
server: Client 127.0.0.1 port {one} connected
peer< close
server: Client 127.0.0.1 port {one} disconnected after 0 bytes
(server idles)
peer< connect
peer: [connected from port {two}]
server: Client 127.0.0.1 port {two} connected
peer< close
server: Client 127.0.0.1 port {two} disconnected after 0 bytes
END
}

@test "step 2: Ctrl-C ends the server while it serves somebody, too" {
    for signal in SIGINT SIGTERM; do
        play <<END
# Leave these two signals as they are, also while a client is connected.
\$ server 1234
server: Listening on 127.0.0.1 port 1234
\$ peer connect 1234
peer: [connected from port {client}]
server: Client 127.0.0.1 port {client} connected
(server idles)
(server gets $signal)
(server ends)
END
    done
}

@test "step 2: what a signal interrupts is no failure" {
    play_hindered 'accept=EINTR@1 recv=EINTR@1' <<'END'
# A signal can interrupt a call that waits. It returns -1 with EINTR, and
# nothing is wrong: call it again.
$ server 1234
server: Listening on 127.0.0.1 port 1234
$ peer connect 1234
peer: [connected from port {client}]
server: Client 127.0.0.1 port {client} connected
(server idles)
peer< finish
server: Client 127.0.0.1 port {client} disconnected after 0 bytes
END
}

@test "step 3: each byte comes back as it came, and at once" {
    play <<'END'
# Send back what recv returned, as many bytes as it said: do not wait for a
# newline or for more, and look for no NUL. Nothing is added, nothing changed.
$ server 1234
server: Listening on 127.0.0.1 port 1234
$ peer connect 1234
peer: [connected from port {client}]
server: Client 127.0.0.1 port {client} connected
peer< send H
peer< show 1
peer: H
peer< bytes ello\r\n
peer: ello\r\n
peer< send two\nlines\n\n
peer: two\n
peer: lines\n
peer: \n
peer< send a\0b\xff\xc3\xa9\n
peer: a\0b\xffé\n
# No word is special.
peer< send bye\n
peer: bye\n
peer< send quit\n
peer: quit\n
peer< send exit\n
peer: exit\n
peer< finish
# The count is of all bytes received, over all pieces (count += n), be they NULs
# or newlines.
server: Client 127.0.0.1 port {client} disconnected after 39 bytes
peer: [end of file]
END
}

@test "step 3: what was sent before the end of file comes back, too" {
    play <<'END'
# Data and the end of file can arrive together: recv returns the data first.
$ server 1234
server: Listening on 127.0.0.1 port 1234
(server is paused)
$ peer connect 1234
peer: [connected from port {client}]
peer< send Hello\n
peer< send no newline at the end
peer< finish
(server continues)
peer: Hello\n
peer: no newline at the end
peer: [end of file]
server: Client 127.0.0.1 port {client} connected
server: Client 127.0.0.1 port {client} disconnected after 27 bytes
END
}

@test "step 3: a send that takes only some of the bytes is gone on with" {
    long=$(repeat 99 0123456789)
    play_hindered <<END
# send(2) returns how many bytes it took. Send the rest: from where it stopped,
# and only what is left. (Here each send takes 7 bytes at most.)
\$ server 1234
server: Listening on 127.0.0.1 port 1234
\$ peer connect 1234
peer: [connected from port {client}]
server: Client 127.0.0.1 port {client} connected
peer< send $long\n
peer: $long\n
peer< finish
server: Client 127.0.0.1 port {client} disconnected after 991 bytes
peer: [end of file]
END
}

@test "step 3: the count is right for many bytes" {
    many=$(repeat 5000 0123456789abcde)
    play <<END
# The count is of bytes, over all pieces, in a type that is large enough.
\$ server 1234
server: Listening on 127.0.0.1 port 1234
\$ peer connect 1234
peer: [connected from port {client}]
server: Client 127.0.0.1 port {client} connected
peer< send $many\n
peer: ...
peer< finish
server: Client 127.0.0.1 port {client} disconnected after 75001 bytes
END
}

@test "step 3: one client at a time: the second waits for its turn" {
    play_hindered timeouts=50 <<'END'
# The second client is in the queue of listen(2) until the first has gone, and
# may be silent meanwhile.
$ server 1234
server: Listening on 127.0.0.1 port 1234
$ peer connect 1234
peer: [connected from port {one}]
server: Client 127.0.0.1 port {one} connected
$ peer connect 1234
peer2: [connected from port {two}]
peer2< send second\n
peer< send first\n
peer: first\n
(server idles)
peer< send first again\n
peer: first again\n
peer< close
server: Client 127.0.0.1 port {one} disconnected after 18 bytes
server: Client 127.0.0.1 port {two} connected
peer2: second\n
peer2< close
# The count starts at 0 for each client.
server: Client 127.0.0.1 port {two} disconnected after 7 bytes
END
}

@test "step 3: a reset ends that client, and not the server" {
    play <<'END'
# recv returns -1 when the connection broke. Count what came, close, go on. Its
# address is what accept gave: getpeername(2) fails now.
$ server 1234
server: Listening on 127.0.0.1 port 1234
$ peer connect 1234
peer: [connected from port {one}]
server: Client 127.0.0.1 port {one} connected
peer< send Hello world\n
peer: Hello world\n
peer< reset
server: Client 127.0.0.1 port {one} disconnected after 12 bytes
(server idles)
peer< connect
peer: [connected from port {two}]
server: Client 127.0.0.1 port {two} connected
peer< send still there?\n
peer: still there?\n
peer< close
server: Client 127.0.0.1 port {two} disconnected after 13 bytes
END
}

@test "step 3: a client that is gone when it is answered does not kill the server" {
    play <<'END'
# Sending to a client that is gone raises SIGPIPE. Ignore that signal, and let
# a send that failed end that client's connection only.
$ server 1234
server: Listening on 127.0.0.1 port 1234
(server is paused)
$ peer connect 1234
peer: [connected from port {one}]
peer< send Hello world\n
peer< finish
peer< reset
peer< connect
peer: [connected from port {two}]
(server continues)
server: Client 127.0.0.1 port {one} connected
server: Client 127.0.0.1 port {one} disconnected after * bytes
server: Client 127.0.0.1 port {two} connected
peer< send still there?\n
peer: still there?\n
END
}

@test "step 3: an interrupted send is called again" {
    play_hindered send=EINTR@1 <<'END'
# It returned -1 with EINTR: a signal came between, and nothing is wrong.
$ server 1234
server: Listening on 127.0.0.1 port 1234
$ peer connect 1234
peer: [connected from port {client}]
server: Client 127.0.0.1 port {client} connected
peer< send Hello\n
peer: Hello\n
END
}

@test "step 3: sixty clients one after another, and no descriptor is lost" {
    ulimit -S -n 30
    {
        echo '# close(2) each connection: a descriptor that stays open is lost,'
        echo '# and a program has not many (here 30).'
        echo '$ server 1234'
        echo 'server: Listening on 127.0.0.1 port 1234'
        for ((i = 1; i <= 60; i++)); do
            [ $i = 1 ] && echo '$ peer connect 1234' || echo 'peer< connect'
            cat <<END
peer: [connected from port {p$i}]
server: Client 127.0.0.1 port {p$i} connected
peer< send I am number $i\n
peer: I am number $i\n
peer< $([ $((i % 2)) = 0 ] && echo reset || echo close)
server: Client 127.0.0.1 port {p$i} disconnected after * bytes
END
        done
    } | play
}

@test "step 3: out of descriptors, the server waits and goes on later" {
    on_linux "can take descriptors from a program that runs"
    play <<'END'
# When accept fails with EMFILE it fails at once, each time: warn, then wait a
# second before the next try. The listener stays open.
$ server 1234
server: Listening on 127.0.0.1 port 1234
$ peer connect 1234
peer: [connected from port {one}]
server: Client 127.0.0.1 port {one} connected
$ peer connect 1234
peer2: [connected from port {two}]
(server runs out of descriptors)
peer< close
server: Client 127.0.0.1 port {one} disconnected after 0 bytes
server! *accept*
(server idles)
(server has descriptors again)
server: Client 127.0.0.1 port {two} connected
peer2< send Hello\n
peer2: Hello\n
END
}

@test "step 3: the server can start again at once on the same port" {
    play <<'END'
# A server that ended while a client was connected leaves that connection in
# TIME_WAIT. SO_REUSEADDR says that this is no obstacle.
$ server 1234
server: Listening on 127.0.0.1 port 1234
$ peer connect 1234
peer: [connected from port *]
server: Client 127.0.0.1 port * connected
peer< send Hello\n
peer: Hello\n
# SIGTERM ends it, whoever is connected.
(server gets SIGTERM)
(server ends)
peer: [end of file]
peer< close
# The port is free: set SO_REUSEADDR before bind.
$ server 1234
server2: Listening on 127.0.0.1 port 1234
peer< connect
peer: [connected from port *]
server2: Client 127.0.0.1 port * connected
peer< send Hello\n
peer: Hello\n
END
}

@test "step 4: a typed line is sent, and printed when it comes back" {
    play_hindered timeouts=50 <<'END'
# Send what read(2) returned, when it returned it; then print what comes back.
$ peer listen 1234
peer: [listening on 127.0.0.1 port 1234]
$ client 127.0.0.1 1234
peer: [accepted]
client< Hello
peer: Hello\n
(client idles)
# Print what comes back, not what was typed, and before more is sent.
peer< send HELLO\n
client: HELLO
# When as many bytes are back as it sent, the client reads the next line. Did it
# send one byte more, the NUL behind the line? That never comes back.
client< and again
peer: and again\n
peer< send and again\n
client: and again
# An empty line is a line, and no word is special.
client<
peer: \n
peer< send \n
client:
client< bye
peer: bye\n
peer< send bye\n
client: bye
client< quit
peer: quit\n
peer< send quit\n
client: quit
END
}

@test "step 4: the client calls the address that it is given" {
    on_linux "has more loopback addresses than 127.0.0.1"
    play <<'END'
# Connect to the address that cli.h gives.
$ peer listen 127.0.0.2 1234
peer: [listening on 127.0.0.2 port 1234]
$ client 127.0.0.2 1234
peer: [accepted]
END
}

@test "step 4: what a signal interrupts is no failure" {
    play_hindered 'recv=EINTR@1 send=EINTR@1' <<'END'
# A call that returned -1 with EINTR is called again, in the client, too.
$ peer listen 1234
peer: [listening on 127.0.0.1 port 1234]
$ client 127.0.0.1 1234
peer: [accepted]
client< Hello
peer: Hello\n
peer< send Hello\n
client: Hello
END
}

@test "step 4: all of a line is sent" {
    play_hindered <<'END'
# Step 3, in the client: send(2) may take only some of the bytes (here 7).
$ peer listen 1234
peer: [listening on 127.0.0.1 port 1234]
$ client 127.0.0.1 1234
peer: [accepted]
client< seven and more
peer: seven and more\n
# Print as many bytes as this recv returned, and receive until as many are back
# as were sent.
peer< send seven and more\n
client: seven and more
END
}

@test "step 4: what comes back may come in pieces" {
    play <<'END'
# One recv is not one answer. Receive until as many bytes came as were sent, and
# print as many each time as this recv returned, not as many as are still to come.
$ peer listen 1234
peer: [listening on 127.0.0.1 port 1234]
$ client 127.0.0.1 1234
peer: [accepted]
client< Hello
peer: Hello\n
peer< bytes HELLO\n
client: HELLO
client< one, two
peer: one, two\n
peer< send one,
peer< send  two\n
client: one, two
client< three
peer: three\n
END
}

@test "step 4: a server that is gone early: the client says so and exits 1" {
    for gone in close reset; do
        play <<END
# recv returns 0, or -1, before all bytes are back: err(1, ...) or errx.
\$ peer listen 1234
peer: [listening on 127.0.0.1 port 1234]
\$ client 127.0.0.1 1234
peer: [accepted]
client< Hello
peer: Hello\n
peer< send Hel
peer< $gone
client: ...
client! client: *
(client exits 1)
END
    done
}

@test "step 4: a server that is gone before a line is typed does not kill the client" {
    play <<'END'
# Sending to a server that is gone raises SIGPIPE: ignore it, and exit 1.
$ peer listen 1234
peer: [listening on 127.0.0.1 port 1234]
$ client 127.0.0.1 1234
peer: [accepted]
peer: ...
(client is paused)
client< Hello
peer< finish
peer< reset
(client continues)
client! client: *
(client exits 1)
END
}

@test "step 5: at the end of its input the client half-closes, and hears the rest" {
    play <<'END'
# At the end of the input read(2) returns 0. Then shutdown(2) with SHUT_WR: the
# server sees the end of file, and can still send.
$ peer listen 1234
peer: [listening on 127.0.0.1 port 1234]
$ client 127.0.0.1 1234
peer: [accepted]
client< Hello
peer: Hello\n
peer< send Hello\nWelcome\n
client: Hello
client< ^D
peer: [end of file]
# SHUT_WR closes one direction only: the server can still send. Receive until
# the end of file.
peer< send Good bye\n
peer< send and thanks
peer< close
# What came before the end of input is part of the rest: it is lost when it was
# read into another buffer, that of stdio (fgets, fread, getchar).
client: Welcome
client: Good bye
client: and thanks[no newline]
(client exits 0)
END
}

@test "step 5: what a signal interrupts is no failure" {
    play_hindered recv=EINTR@1 <<'END'
# A call that returned -1 with EINTR is called again, here, too.
$ peer listen 1234
peer: [listening on 127.0.0.1 port 1234]
$ client 127.0.0.1 1234
peer: [accepted]
client< ^D
peer: [end of file]
peer< send Good bye\n
peer< close
client: Good bye
(client exits 0)
END
}

@test "step 5: a reset after the end of input is a failure: exit 1" {
    play <<'END'
# Until the server's end of file has come, the connection can still break.
$ peer listen 1234
peer: [listening on 127.0.0.1 port 1234]
$ client 127.0.0.1 1234
peer: [accepted]
client< ^D
peer: [end of file]
(client idles)
peer< reset
client! client: *
(client exits 1)
END
}

@test "step 5: every byte of a file comes back, NULs too" {
    printf 'a\0b\r\n\377\n\nno newline at the end' >"$folder/file"
    play <<END
# What was read has the length that read(2) said: it is no string.
\$ server 1234
server: Listening on 127.0.0.1 port 1234
server: ...
\$ client 127.0.0.1 1234 < $folder/file > $folder/back
(client exits 0)
END
    same_came_back 'A NUL ends a string, and a line: neither is what was read.
    And 0xFF is a byte, not EOF: what getchar returns is an int.'
}

@test "step 5: a mebibyte comes back without a deadlock" {
    yes 0123456789abcdef | head -c 1048576 >"$folder/file"
    play <<END
# Read back each piece before the next is sent. If both sides only send, the
# buffers between them fill up, and both wait for ever.
\$ server 1234
server: Listening on 127.0.0.1 port 1234
\$ client 127.0.0.1 1234 < $folder/file > $folder/back
server: Client 127.0.0.1 port * connected
(client exits 0 within 60 seconds)
server: Client 127.0.0.1 port * disconnected after 1048576 bytes
END
    same_came_back 'One recv may return a part of what is still to come.'
    # The buffers between are as small as they can be, and a piece is not.
    head -c 262144 "$folder/file" >"$folder/part"
    mv "$folder/part" "$folder/file"
    play_hindered buffers=4096 <<END
# Who sends much at once waits in send until somebody receives. Send at most
# 4096 bytes, and read them back before the next.
\$ server 1234
server: Listening on 127.0.0.1 port 1234
\$ client 127.0.0.1 1234 < $folder/file > $folder/back
server: ...
(client exits 0 within 60 seconds)
END
    same_came_back 'One recv may return a part of what is still to come.'
}

@test "step 5: the handout's transcripts" {
    play "handouts/$lab.md"
}
