#!/usr/bin/env bats
# Lab 3, chat: what the server and the client must do, step by step.
# Each test is a transcript of programs: tests/README.md has the key.
load support/lab

# The first lines of most chats, with the scripted peer as the client or the
# server.
server_chats() {
    cat <<'END'
$ server 8080
server: Server started
server: Listening on 127.0.0.1 port 8080
$ peer connect 8080
peer: [connected from port {client}]
server: Connected client: 127.0.0.1 port {client}
END
}

client_chats() {
    cat <<'END'
$ peer listen 8080
peer: [listening on 127.0.0.1 port 8080]
$ client 127.0.0.1 8080
peer: [accepted]
peer: This is from Client\n
END
}

@test "given: -h prints the usage" {
    prints_usage
}

@test "given: wrong usage ends with status 2" {
    refuses_operands 'server -x' 'server 8080 127.0.0.1 more' 'client -x' \
        'client 127.0.0.1 8080 more'
}

@test "given: a port is digits, from 0 or 1 to 65535" {
    refuses_ports
}

@test "given: an address that is none is refused" {
    refuses_addresses 'server 0 ADDRESS' 'client ADDRESS 8080'
}

@test "given: without operands it is port 8080 of 127.0.0.1" {
    play <<'END'
# If somebody else has the port just now, the server says so, and which it is.
$ server >&2
server! *127.0.0.1 port 8080*
END
}

@test "given: only this machine can connect, unless told otherwise" {
    on_linux "has more loopback addresses than 127.0.0.1"
    play <<'END'
# Bind to the address that cli.h gives, not to INADDR_ANY.
$ server 8080
server: Server started
server: Listening on 127.0.0.1 port 8080
$ peer connect 127.0.0.2 8080
peer: [cannot connect: Connection refused]
END
}

@test "given: who cannot start says why and exits 1" {
    play <<'END'
$ peer listen 8080
peer: [listening on 127.0.0.1 port 8080]
$ server 8080
server: ...
server! server: *127.0.0.1 port 8080*: Address*in use
(server exits 1)
END
    play <<'END'
$ peer hold 8080
peer: [holding 127.0.0.1 port 8080]
$ client 127.0.0.1 8080
client! client: connect*127.0.0.1 port 8080*: Connection refused
(client exits 1)
END
}

@test "given: the server says who is connected" {
    {
        echo '# The address is what accept gave, not what getsockname says.'
        server_chats
        printf '%s\n' 'server: ...' 'peer: ...'
    } | play
}

@test "step 1: the client opens, with one line" {
    play <<'END'
# The line goes out with a newline, without a NUL or anything else behind it,
# and before anybody types.
$ peer listen 8080
peer: [listening on 127.0.0.1 port 8080]
$ client 127.0.0.1 8080
peer: [accepted]
peer: This is from Client\n
client: ...
peer< finish
peer: [end of file]
END
}

@test "step 2: the server prints the client's line" {
    { server_chats; cat <<'END'; } | play
# The server hears before it speaks. Does it wait in read, though the line has
# come? Add what read returned to `end`, and look for the newline up to there.
# What was received is no string: print as many bytes as the line has.
peer< send This is from Client\n
server: From Client: This is from Client
server: ...
END
}

@test "step 2: the server waits for the line, and Ctrl-C ends it" {
    for signal in SIGINT SIGTERM; do
        { server_chats; cat <<END; } | play
# read(2) waits by itself. Leave the two signals as they are: they end a program.
(server idles)
(server gets $signal)
(server ends)
peer: [end of file]
END
    done
}

@test "step 2: a line that comes in pieces is one line" {
    { server_chats; cat <<'END'; } | play
# One recv is not one line: keep what came, and receive more, until the newline
# is there. Here each byte comes by itself.
peer< bytes This is from Client\n
server: From Client: This is from Client
server: ...
END
}

@test "step 2: the \\r before a newline is dropped, and no other byte" {
    { server_chats; cat <<'END'; } | play
# telnet ends a line with \r\n. A NUL, a \r within the line, spaces, a %s: all
# of that is text. Print it with its length, not as a string or a format. 0xFF
# is a byte, too; in a char it is equal to EOF.
peer< send  a\0b\rc\xffd %s %n \xc3\xa9 \r\r\n
server: From Client:  a\0b\rc\xffd %s %n é \r
server: ...
END
}

@test "step 2: an empty line is a line" {
    { server_chats; cat <<'END'; } | play
# A length of 0 is not the end of file: only recv's 0 is. Nor is it bye: compare
# the lengths before memcmp, which finds 0 bytes of anything equal.
peer< send \n
server: From Client: 
server: ...
END
}

@test "step 2: a line of 1024 bytes is a line, with \\n or \\r\\n" {
    for line in "$(repeat 1023 x)\\n" "$(repeat 1022 x)\\r\\n"; do
        { server_chats; cat <<END; } | play
# The limit counts all bytes of the line, the newline too, and 1024 are allowed.
# There has to be room for the last of them.
peer< send $line
server: From Client: ${line%%\\*}
server: ...
END
    done
}

@test "step 3: the two sides take turns" {
    { server_chats; cat <<'END'; } | play_hindered timeouts=50
# After a line is heard, one is typed and sent, and then the next is heard. There
# are two readers: `typed` is stdin, `heard` the connection. Wait for a line as
# long as it takes.
peer< send This is from Client\n
server: From Client: This is from Client
(server idles)
server< Hello
peer: Hello\n
(server idles)
peer< send I am client\n
server: From Client: I am client
server< Nice to hear
# Look for the newline only in bytes that have come: behind them is older text.
peer: Nice to hear\n
END
    { client_chats; cat <<'END'; } | play_hindered timeouts=50
# The client opens by itself, and then hears before it reads what is typed. It
# waits for a line as long as it takes.
(client idles)
peer< send Hello\n
client: From Server: Hello
(client idles)
client< I am client
peer: I am client\n
peer< bytes Nice to hear\n
client: From Server: Nice to hear
END
}

@test "step 3: what is typed out of turn waits for its turn" {
    { client_chats; cat <<'END'; } | play
# The client waits for the server now. What is typed meanwhile is not lost, and
# not sent before. One read may return both lines: keep what is behind the first
# newline.
client< one
client< two
peer< send first\n
client: From Server: first
peer: one\n
peer< send second\n
client: From Server: second
peer: two\n
END
}

@test "step 3: lines that come together are heard one by one" {
    { server_chats; cat <<'END'; } | play
# One recv may bring more than one line. Keep what is behind the first newline
# for the next turn, in a buffer of this reader's own. A line that is heard twice
# was not taken out: `start` moves on from where it was.
(server is paused)
peer< send one\ntwo\nthr
(server continues)
server: From Client: one
server< 1
peer: 1\n
server: From Client: two
server< 2
peer: 2\n
peer< send ee\n
server: From Client: three
END
}

@test "step 3: a line is sent as typed, with one newline" {
    printf ' a\0b\377 %%s \n\n\303\251\n' >"$folder/typed"
    play <<END
# Send the line that was typed, whatever is in it, and one newline. An empty
# line is sent, too.
\$ peer listen 8080
peer: [listening on 127.0.0.1 port 8080]
\$ client 127.0.0.1 8080 < $folder/typed
peer: [accepted]
peer: This is from Client\n
peer< send 1\n
client: From Server: 1
peer:  a\0b\xff %s \n
peer< send 2\n
client: From Server: 2
peer: \n
peer< send 3\n
client: From Server: 3
peer: é\n
END
}

@test "step 3: a typed line of 1024 bytes is sent, a longer one is not" {
    fits=$(repeat 1023 x)
    { client_chats; cat <<END; } | play
# The newline counts. A line that is too long is not sent, no part of it: warn,
# drop it up to its newline, and read another one, for it is still our turn.
peer< send your turn\n
client: From Server: your turn
client< x$fits
client! *
client< ${fits}$fits${fits}
client! *
# This one has the right length, with its newline. Does all of it go out? When
# the buffer is full, read(2) has room for 0 bytes, and returns 0: move what
# waits to the front before.
client< $fits
peer: $fits\n
peer< send still there?\n
client: From Server: still there?
END
}

@test "step 3: the last typed line counts without its newline, then it is bye" {
    { client_chats; cat <<'END'; } | play
# At the end of input, what stands before it is a line. After that it is bye,
# which is sent like any line (`say` adds the newline), and ends the program.
peer< send Hello\n
client: From Server: Hello
client< not finished^D
peer: not finished\n
peer< send go on\n
client: From Server: go on
peer: bye\n
peer: [end of file]
# Who says bye is done. The closing line is for who hears it.
(client exits 0)
END
}

@test "step 4: who says bye prints nothing more, and ends" {
    { server_chats; cat <<'END'; } | play
# `bye` is sent like any other line; then the program is done.
peer< send This is from Client\n
server: From Client: This is from Client
server< bye
peer: bye\n
peer: [end of file]
(server exits 0)
END
    { client_chats; cat <<'END'; } | play
peer< send Hello\n
client: From Server: Hello
client< bye
peer: bye\n
peer: [end of file]
(client exits 0)
END
}

@test "step 4: who hears bye prints the closing line, and ends" {
    { server_chats; cat <<'END'; } | play
# `bye` is not printed, and not answered. There are four dots.
peer< send bye\n
server: Client disconnected....
peer: [end of file]
(server exits 0)
END
    { client_chats; cat <<'END'; } | play
peer< bytes bye\r\n
client: Server disconnected....
peer: [end of file]
(client exits 0)
END
}

@test "step 4: only the line bye is bye" {
    {
        client_chats
        echo '# Compare the whole line, and its length: strstr finds bye in'
        echo '# goodbye, and strncmp in byebye.'
        for line in 'bye bye' Bye BYE 'good bye' ' bye' 'bye ' byebye by bye. \
            'bye\0' '\0bye' 'bye\r'; do
            cat <<END
peer< send $line\r\n
client: From Server: $line
client< good${line%%\\*}
peer: good${line%%\\*}\n
END
        done
    } | play
}

@test "step 4: bye in the middle of a chat, together with other lines" {
    { server_chats; cat <<'END'; } | play
# Each line is heard in its turn, bye too.
(server is paused)
peer< send Hello\nbye\nnobody hears this\n
peer< finish
(server continues)
server: From Client: Hello
server< Hello
server: Client disconnected....
(server exits 0)
peer: Hello\n
END
}

@test "step 4: the end of input says bye" {
    { server_chats; cat <<'END'; } | play
# When there is nothing more to read on stdin, say bye in the user's place.
peer< send This is from Client\n
server: From Client: This is from Client
server< ^D
peer: bye\n
peer: [end of file]
(server exits 0)
END
    { client_chats; cat <<'END'; } | play
client< ^D
(client idles)
peer< send Hello\n
client: From Server: Hello
peer: bye\n
peer: [end of file]
(client exits 0)
END
    { client_chats; cat <<END; } | play
# A line that is too long may be the last one, and have no newline to look for.
peer< send Hello\n
client: From Server: Hello
client< $(repeat 3000 x)^D
client! *
peer: bye\n
peer: [end of file]
(client exits 0)
END
}

@test "step 4: a peer that is gone is like bye" {
    for gone in finish close reset; do
        { server_chats; cat <<END; } | play
# The end of file, and a reset (read returns -1 with ECONNRESET), are an end
# that a chat can have: print the closing line and exit 0.
peer< $gone
server: Client disconnected....
(server exits 0)
END
        { client_chats; cat <<END; } | play
peer< send Hello\n
client: From Server: Hello
client< Hello
peer: Hello\n
peer< $gone
client: Server disconnected....
(client exits 0)
END
    done
}

@test "step 4: a peer that is gone when we speak is like bye, too" {
    for gone in close reset; do
        { server_chats; cat <<END; } | play
# Sending fails with EPIPE or ECONNRESET, or the next recv does. SIGPIPE is
# ignored, or it would end the program.
peer< send This is from Client\n
server: From Client: This is from Client
peer< $gone
server< are you there?
server: Client disconnected....
(server exits 0)
END
    done
    { server_chats; cat <<'END'; } | play
# After the end of file and a reset, sending fails with EPIPE, which is no other
# end than ECONNRESET.
(server is paused)
peer< send This is from Client\n
peer< finish
peer< reset
(server continues)
server: From Client: This is from Client
server< are you there?
server: Client disconnected....
(server exits 0)
END
    { client_chats; cat <<'END'; } | play
(client is paused)
peer< send Hello\n
peer< finish
peer< reset
(client continues)
client: From Server: Hello
client< are you there?
client: Server disconnected....
(client exits 0)
END
}

@test "step 4: a last line without its newline is heard" {
    { server_chats; cat <<'END'; } | play
# At the end of file, what stands before it is a line.
peer< send not finished
peer< finish
server: From Client: not finished
server< I see
peer: I see\n
server: Client disconnected....
(server exits 0)
END
    { server_chats; cat <<'END'; } | play
peer< send bye
peer< finish
server: Client disconnected....
(server exits 0)
END
}

@test "step 4: a line that is too long ends the chat: exit 1" {
    for line in "$(repeat 1024 x)\\n" "$(repeat 3000 x)" \
        "$(repeat 1023 x)\\r\\n"; do
        { server_chats; cat <<END; } | play
# Here are more than 1024 bytes, the newline and a \r before it counted: say so
# on stderr and exit 1, without waiting for the rest. Nothing of it is printed.
peer< send $line
server! *
(server exits 1)
END
        { client_chats; cat <<END; } | play
peer< send $line
client! *
(client exits 1)
END
    done
    { server_chats; cat <<END; } | play
# What is waiting already takes room in the buffer: read only as many bytes as
# fit behind it.
peer< bytes $(repeat 20 x)
peer< send $(repeat 3000 x)
server! *
(server exits 1)
END
}

@test "step 4: one chat is all: the server ends, and can start again at once" {
    { server_chats; cat <<'END'; } | play
peer< send This is from Client\n
server: From Client: This is from Client
server< bye
(server exits 0)
peer: bye\n
peer: [end of file]
peer< close
$ server 8080
server2: Server started
server2: Listening on 127.0.0.1 port 8080
peer< connect
peer: [connected from port {again}]
server2: Connected client: 127.0.0.1 port {again}
END
}

@test "step 4: the handout's transcripts" {
    play "handouts/$lab.md"
}
