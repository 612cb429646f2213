#!/usr/bin/env bats
# Lab 5, dns: what the server and the client must do, step by step.
# Each test is a transcript of programs: tests/README.md has the key, and
# tests/support/names the names that are looked up.
load support/lab
looks_up=yes # in tests/support/names

# What the resolver says to a name that nobody has.
unknown=$(build/support/peer reason EAI_NONAME)

# The first lines of most transcripts, with the scripted peer as the client or
# the server.
server_serves() {
    cat <<'END'
$ server 5300
server: Listening on 127.0.0.1 port 5300
$ peer connect 5300
peer: [connected from port {client}]
server: Client 1 connected from 127.0.0.1 port {client}
END
}

client_asks() {
    cat <<'END'
$ peer listen 5300
peer: [listening on 127.0.0.1 port 5300]
$ client localhost 5300
peer: [accepted]
client: Socket successfully created
client: IP of localhost 127.0.0.1
client: Connected to 127.0.0.1 port 5300
END
}

# fails PEER NUMBER NAME [REASON]: a name is asked for, and the lookup fails.
fails() {
    cat <<END
$1< send $3\\n
server: Client $2 asked for $3: ${4-$unknown}
$1: $3: ${4-$unknown}\\n
$1: \\n
END
}

needs_ipv6() {
    case $(build/support/peer connect ::1 1 </dev/null) in
    *refused*) ;;
    *) skip "there is no IPv6 here" ;;
    esac
}

@test "given: -h prints the usage" {
    prints_usage
}

@test "given: wrong usage ends with status 2" {
    refuses_operands 'server -x' 'server 5300 127.0.0.1 more' 'client -x' \
        'client 127.0.0.1 5300 more'
}

@test "given: a port is digits, from 0 or 1 to 65535" {
    for port in http2 '' 65536 99999999999999999999 80x ' 80' +80 0x50; do
        play <<END
\$ server '$port'
server! server: invalid port '$port'
(server exits 2)
END
    done
    for port in 0 65536 99999999999999999999; do
        play <<END
\$ client 127.0.0.1 '$port'
client! client: invalid port '$port'
(client exits 2)
END
    done
}

@test "step 1: without operands it is port 5300 of 127.0.0.1" {
    play <<'END'
# All hints that are not set have to be 0: begin with = {.ai_family = ...}. If
# somebody else has the port just now, the server says so, and which it is.
$ server >&2
server! *127.0.0.1 port 5300*
END
}

@test "step 1: the server listens on 127.0.0.1, and says who is connected" {
    { server_serves; printf '%s\n' 'server: ...' 'peer: ...'; } | play
}

@test "step 1: only this machine can connect, unless told otherwise" {
    on_linux "has more loopback addresses than 127.0.0.1"
    play <<'END'
$ server 5300
server: Listening on 127.0.0.1 port 5300
$ peer connect 127.0.0.2 5300
peer: [cannot connect: Connection refused]
END
    play <<'END'
$ server 5300 0.0.0.0
server: Listening on 0.0.0.0 port 5300
server: ...
$ peer connect 127.0.0.2 5300
peer: [connected from port *]
END
}

@test "step 1: the server listens on an IPv6 address, too" {
    needs_ipv6
    play <<'END'
# Take the family from what getaddrinfo returns: socket(own->ai_family, ...).
$ server 5300 ::1
server: Listening on ::1 port 5300
$ peer connect ::1 5300
peer: [connected from port {client}]
server: Client 1 connected from ::1 port {client}
server: ...
END
}

@test "step 1: an address that is none is refused" {
    for address in localhost www.test '' 127.0.0.256 ::g; do
        play <<END
# AI_NUMERICHOST: these are digits, or an error, and never a name.
\$ server 0 '$address'
server! server: invalid address '$address'
(server exits 2)
END
    done
}

@test "step 1: a port that is taken: the server says so and exits 1" {
    play <<'END'
$ peer listen 5300
peer: [listening on 127.0.0.1 port 5300]
$ server 5300
server! server: *127.0.0.1 port 5300*: Address*in use
(server exits 1)
END
}

@test "step 2: a name that nobody has gets the resolver's words" {
    { server_serves; cat <<END; } | play_hindered timeouts=50
# The result of getaddrinfo is no errno: gai_strerror(3) has the words for it.
# All hints that are not set have to be 0. There is no list then: do not call
# freeaddrinfo. The answer ends with an empty line, this one too, and the next
# name is awaited, for as long as it takes.
$(fails peer 1 unknown.test)
(server idles)
# Is every name unknown? AI_NUMERICHOST is for step 1, the server's own address.
$(fails peer 1 later.test "$(build/support/peer reason EAI_AGAIN)")
$(fails peer 1 broken.test "$(build/support/peer reason EAI_FAIL)")
$(fails peer 1 'no name at all')
$([ "$(uname)" != Linux ] || fails peer 1 nodata.test '*')
# Neither bye nor an empty line ends it: both are names that nobody has.
$(fails peer 1 '')
$(fails peer 1 bye)
END
}

@test "step 2: a name with a NUL in it is unknown" {
    { server_serves; cat <<END; } | play
# To getaddrinfo a name ends at the NUL, so look for one before you ask it.
# Write the name with its length, not as a string, nor as a format.
$(fails peer 1 'www.test\0.example')
$(fails peer 1 '\0')
$(fails peer 1 '100%d%s.test')
END
}

@test "step 2: a name may be as long as a line" {
    label=$(repeat 63 n)
    { server_serves; cat <<END; } | play
# There has to be room for it, and for the NUL behind it. The answer is longer.
$(fails peer 1 "$label.$label.$label.$(repeat 61 n)")
$(fails peer 1 "$(repeat 1000 n)")
peer< send $(repeat 1023 n)\n
server: Client 1 asked for $(repeat 1023 n): *
peer: $(repeat 1023 n): *\n
peer: \n
$(fails peer 1 unknown.test)
END
}

@test "step 2: a slow lookup holds nobody up" {
    { server_serves; cat <<END; } | play
# getaddrinfo may wait for seconds. It waits in one client's thread: without any
# lock that others need.
peer< send slow.test\n
(server idles)
\$ peer connect 5300
peer2: [connected from port {second}]
server: Client 2 connected from 127.0.0.1 port {second}
$(fails peer2 2 unknown.test)
$(fails peer2 2 unknown.test)
END
}

@test "step 2: lines are those of lab 3" {
    { server_serves; cat <<END; } | play
# A name ends with the line, and who has finished sending still reads: answer
# all that came before the end of file.
peer< bytes one.test\r\n
server: Client 1 asked for one.test: $unknown
peer: one.test: $unknown\n
peer: \n
peer< send two.test\nthree.test\nfour
peer< finish
server: Client 1 asked for two.test: $unknown
server: Client 1 asked for three.test: $unknown
server: Client 1 asked for four: $unknown
server: Client 1 disconnected (0 still connected)
peer: two.test: $unknown\n
peer: \n
peer: three.test: $unknown\n
peer: \n
peer: four: $unknown\n
peer: \n
peer: [end of file]
END
    for line in "$(repeat 1024 x)\\n" "$(repeat 3000 x)"; do
        { server_serves; cat <<END; } | play
# Too long: say so on stderr, and close this connection.
\$ peer connect 5300
peer2: [connected from port {second}]
server: Client 2 connected from 127.0.0.1 port {second}
peer< send $line
server! *
server: Client 1 disconnected (1 still connected)
peer: ...
$(fails peer2 2 unknown.test)
END
    done
}

@test "step 2: clients come and go as in lab 4" {
    for gone in finish close reset; do
        { server_serves; cat <<END; } | play
\$ peer connect 5300
peer2: [connected from port {second}]
server: Client 2 connected from 127.0.0.1 port {second}
$(fails peer2 2 two.test)
$(fails peer 1 one.test)
peer< $gone
server: Client 1 disconnected (1 still connected)
\$ peer connect 5300
peer3: [connected from port {third}]
server: Client 3 connected from 127.0.0.1 port {third}
(server is paused)
peer3< send three.test\nthree.test\nthree.test\n
peer3< $gone
(server continues)
server: ...
peer3: ...
peer: ...
# One client's failure ends that client, and never the server: SIGPIPE is
# ignored, and send may return -1.
(server idles)
peer2< send two.test\n
peer2: two.test: $unknown\n
peer2: \n
END
    done
}

@test "step 2: a connection is closed once" {
    { server_serves; cat <<END; } | play_hindered close=+100
# As soon as it is closed, its descriptor may be that of another client. A second
# close ends that one then. (serve_clients closes the connection.)
peer< finish
peer: [end of file]
server: ...
\$ peer connect 5300
peer2: [connected from port *]
\$ peer connect 5300
peer3: [connected from port *]
(server idles)
peer2< send two.test\n
peer2: two.test: $unknown\n
peer2: \n
peer3< send three.test\n
peer3: three.test: $unknown\n
peer3: \n
END
}

@test "step 2: the server can start again at once on the same port" {
    { server_serves; cat <<'END'; } | play
# A server that ended while a client was connected leaves that connection in
# TIME_WAIT. SO_REUSEADDR, set before bind, says that this is no obstacle.
(server gets SIGTERM)
(server ends)
peer: [end of file]
peer< close
$ server 5300
server2: Listening on 127.0.0.1 port 5300
END
}

@test "step 2: Ctrl-C ends the server, in the middle of a lookup, too" {
    for signal in SIGINT SIGTERM; do
        { server_serves; cat <<END; } | play
peer< send slow.test\n
(server idles)
(server gets $signal)
(server ends)
peer: [end of file]
END
    done
}

@test "step 2: a client that does not read its answers holds nobody up" {
    { server_serves; cat <<END; } | play_hindered buffers=4096
\$ peer deaf 5300
peer2: [connected from port {deaf}]
server: Client 2 connected from 127.0.0.1 port {deaf}
server: ...
peer2< flood unknown.test\n
peer< send unknown.test\n
peer: unknown.test: $unknown\n
peer: \n
END
}

@test "step 3: every address of a name, in order, and each once" {
    { server_serves; cat <<'END'; } | play
# Too many? Ask for one kind of socket, SOCK_STREAM, or each address comes three
# times, and pass over what is_repeated. Too few? IPv4 and IPv6 are both in the
# list (AF_UNSPEC, and no AI_ADDRCONFIG); it goes on to the entry whose ai_next
# is NULL, and freeaddrinfo comes when all is read.
peer< send www.test\n
server: Client 1 asked for www.test: 3 addresses
# In digits, of whatever family, without a port: getnameinfo(3) with
# NI_NUMERICHOST. The order is the list's. The same one each time? Take the entry
# that the loop is at, not the first.
peer: IP of www.test 203.0.113.80\n
peer: IP of www.test 2001:db8::80\n
peer: IP of www.test 203.0.113.7\n
peer: \n
# 1 address, and 2 addresses.
peer< send six.test\n
server: Client 1 asked for six.test: 1 address
peer: IP of six.test 2001:db8::6\n
peer: \n
END
}

@test "step 3: many addresses, and long ones" {
    address=2001:db8:aaaa:bbbb:cccc:dddd:eeee:
    for ((i = 1000; i < 1100; i++)); do
        printf '%s many.test\n' $address$i 203.0.113.$((i % 100 + 1))
    done >"$folder/names"
    {
        server_serves
        printf '%s\n' '# However many there are, and however long they are.' \
            '# Two are the same only when the whole address is, of its family.' \
            'peer< send many.test\n' \
            'server: Client 1 asked for many.test: 200 addresses'
        sed 's/\(.*\) \(.*\)/peer: IP of \2 \1\\n/' "$folder/names"
        echo 'peer: \n'
    } | NAMES=$folder/names play
}

@test "step 3: the name is repeated as it was sent" {
    { server_serves; cat <<'END'; } | play
# Not in other letters, and not another name of the same machine. Blanks are a
# part of it: there is no such name.
peer< send WWW.Juniv.edu\r\n
server: Client 1 asked for WWW.Juniv.edu: 1 address
peer: IP of WWW.Juniv.edu 72.249.68.156\n
peer: \n
peer< send 127.0.0.1\n
server: Client 1 asked for 127.0.0.1: 1 address
peer: IP of 127.0.0.1 127.0.0.1\n
peer: \n
peer< send ::1\n
server: Client 1 asked for ::1: 1 address
peer: IP of ::1 ::1\n
peer: \n
peer< send www.juniv.edu x\n
server: Client 1 asked for www.juniv.edu x: *
peer: www.juniv.edu x: *\n
peer: \n
peer< send  www.juniv.edu\n
server: Client 1 asked for  www.juniv.edu: *
peer:  www.juniv.edu: *\n
peer: \n
END
}

@test "step 3: whoever asks at the same time gets an answer of one's own" {
    for i in {1..9}; do
        printf '%s\n' "+200 name$i.test" "203.0.113.$i name$i.test"
    done >"$folder/names"
    {
        printf '%s\n' '# Nine wait for a lookup at the same time. What is' \
            '# static belongs to all threads at once: name, list and answer' \
            '# have to be variables of a function. And the log has whole lines, with' \
            '# flockfile(3), if it takes more than one call to print one.' \
            '$ server 5300' 'server: Listening on 127.0.0.1 port 5300'
        for i in {1..9}; do
            printf '%s\n' '$ peer connect 5300' \
                "peer${i#1}: [connected from port {p$i}]" \
                "server: Client $i connected from 127.0.0.1 port {p$i}"
        done
        echo '(server is paused)'
        for i in {1..9}; do
            echo "peer${i#1}< send name$i.test\\n"
        done
        echo '(server continues)'
        for i in {1..9}; do
            echo "server~ Client $i asked for name$i.test: 1 address"
        done
        for i in {1..9}; do
            printf '%s\n' "peer${i#1}: IP of name$i.test 203.0.113.$i\\n" \
                "peer${i#1}: \\n"
        done
    } | NAMES=$folder/names play
}

@test "step 3: a late answer is an answer, and others come before it" {
    { server_serves; cat <<END; } | play
# Each lookup waits in its own thread, without any lock that others need.
peer< send slow.test\n
(server idles)
\$ peer connect 5300
peer2: [connected from port {second}]
server: Client 2 connected from 127.0.0.1 port {second}
peer2< send late.test\nwww.juniv.edu\n
server: Client 2 asked for late.test: 1 address
server: Client 2 asked for www.juniv.edu: 1 address
peer2: IP of late.test 203.0.113.21\n
peer2: \n
peer2: IP of www.juniv.edu 72.249.68.156\n
peer2: \n
END
}

@test "step 3: what a lookup took is given back" {
    on_linux "preloads what searches for leaks"
    { server_serves; cat <<END; } | play_hindered leaks=SIGTERM
# A list that getaddrinfo returned goes back to freeaddrinfo(3).
peer< send www.test\n
server: Client 1 asked for www.test: 3 addresses
peer: ...
$(fails peer 1 unknown.test | grep -v '^peer:')
peer< finish
server: Client 1 disconnected (0 still connected)
\$ peer connect 5300
peer2: [connected from port {second}]
server: Client 2 connected from 127.0.0.1 port {second}
peer2< send six.test\n
peer2: IP of six.test 2001:db8::6\n
peer2: \n
server: Client 2 asked for six.test: 1 address
peer2< finish
server: Client 2 disconnected (0 still connected)
peer2: [end of file]
(server gets SIGTERM)
(server ends)
END
}

@test "step 3: two hundred clients, and nothing of them is left" {
    on_linux "tells here what a program uses"
    {
        server_serves
        printf '%s\n' 'peer< close' \
            'server: Client 1 disconnected (0 still connected)'
        for ((i = 2; i <= 200; i++)); do
            [ $i -ne 5 ] || echo '(server is measured)'
            printf '%s\n' 'peer< connect' \
                'peer: [connected from port *]' \
                "server: Client $i connected from 127.0.0.1 port *" \
                'peer< send six.test\n' \
                "server: Client $i asked for six.test: 1 address" \
                'peer: IP of six.test 2001:db8::6\n' 'peer: \n' \
                'peer< close' \
                "server: Client $i disconnected (0 still connected)"
        done
        echo '(server has not grown)'
    } | play
}

@test "step 3: out of descriptors, the server waits and goes on later" {
    on_linux "can take descriptors from a program that runs"
    { server_serves; cat <<END; } | play
# When accept fails with EMFILE it fails at once, each time: warn, then wait a
# second before the next try. (tcp_accept does that.)
(server idles)
(server can open no more)
\$ peer connect 5300
peer2: [connected from port {second}]
\$ peer connect 5300
peer3: [connected from port {third}]
server: ...
server! *
(server idles)
(server has descriptors again)
# One may have been let in, and sent away. Who is in the queue is served.
peer2: ...
peer3< send three.test\n
peer3: three.test: $unknown\n
peer3: \n
END
}

@test "step 3: threads that share data take turns" {
    needs_thread_sanitizer
    { server_serves; cat <<END; } | play_threads
# Whatever more than one thread uses is used under one mutex. (Both lookups take
# 200 ms, so that both threads are at it at the same time.)
\$ peer connect 5300
peer2: [connected from port {second}]
server: Client 2 connected from 127.0.0.1 port {second}
(server is paused)
peer< send late.test\n
peer2< send late.test\n
(server continues)
server~ Client 1 asked for late.test: 1 address
server~ Client 2 asked for late.test: 1 address
peer: IP of late.test 203.0.113.21\n
peer: \n
peer2: IP of late.test 203.0.113.21\n
peer2: \n
peer< close
server: Client 1 disconnected (1 still connected)
END
}

@test "step 3: the real resolver, with a name server of our own" {
    needs_nameserver
    { server_serves; cat <<END; } | play_nameserver
# The same names, asked through the C library's own getaddrinfo. In which order
# it has the addresses is its affair.
peer< send www.test\n
server: Client 1 asked for www.test: 3 addresses
peer~ IP of www.test 203.0.113.80\n
peer~ IP of www.test 203.0.113.7\n
peer~ IP of www.test 2001:db8::80\n
peer: \n
peer< send six.test\n
server: Client 1 asked for six.test: 1 address
peer: IP of six.test 2001:db8::6\n
peer: \n
$(fails peer 1 unknown.test)
$(fails peer 1 later.test "$(build/support/peer reason EAI_AGAIN)")
peer< send late.test\n
server: Client 1 asked for late.test: 1 address
peer: IP of late.test 203.0.113.21\n
peer: \n
END
}

@test "step 4: the client looks its server up, and connects" {
    {
        cat <<'END'
# Three lines: after socket, before connect, and after it. The address and the
# port are those that connect gets, in digits: NI_NUMERICHOST, NI_NUMERICSERV.
# Port 0, or nobody who calls? getaddrinfo wants the service, too, and SOCK_STREAM.
END
        client_asks
        cat <<'END'
(client idles)
(client gets SIGINT)
(client ends)
peer: [end of file]
END
    } | play
}

@test "step 4: HOST may be an address, and PORT the name of a service" {
    play <<'END'
$ peer listen 5300
peer: [listening on 127.0.0.1 port 5300]
$ client 127.0.0.1 5300
client: Socket successfully created
client: IP of 127.0.0.1 127.0.0.1
client: Connected to 127.0.0.1 port 5300
peer: [accepted]
client< ^D
peer: [end of file]
peer< close
# For this test the service lab-5300 has port 5300; see services(5) for others.
# getaddrinfo looks services up, too: it is the second of its operands.
$ client localhost lab-{port}
peer: [accepted]
client2: Socket successfully created
client2: IP of localhost 127.0.0.1
client2: Connected to 127.0.0.1 port 5300
END
}

@test "step 4: when an address refuses, the next one is tried" {
    play <<'END'
# Each address needs a socket of its own: close the one that failed. Its reason
# goes to stderr (warn, for err would end the program), and the loop goes on.
$ peer listen 5300
peer: [listening on 127.0.0.1 port 5300]
$ client second.test 5300
client: Socket successfully created
client: IP of second.test 127.0.0.2
client! *
client: Socket successfully created
client: IP of second.test 127.0.0.1
client: Connected to 127.0.0.1 port 5300
peer: [accepted]
END
    for fault in connect=ENETUNREACH@1 socket=EAFNOSUPPORT@1; do
        play_hindered $fault <<'END'
# There may be no way to an address, or no IPv6 on this machine: whatever it is
# that fails, the next address may be better.
$ peer listen 5300
peer: [listening on 127.0.0.1 port 5300]
$ client second.test 5300
client: ...
peer: [accepted]
client< one.test
peer: one.test\n
END
    done
    printf '127.0.0.%d first.test\n' 1 2 3 >"$folder/names"
    NAMES=$folder/names play <<'END'
# The first one that answers is enough: leave the loop when connected.
$ peer listen 5300
peer: [listening on 127.0.0.1 port 5300]
$ client first.test 5300
client: Socket successfully created
client: IP of first.test 127.0.0.1
client: Connected to 127.0.0.1 port 5300
peer: [accepted]
client< ^D
peer: [end of file]
peer< close
(client exits 0)
END
}

@test "step 4: forty addresses refuse, and no descriptor is lost" {
    on_linux "has more loopback addresses than 127.0.0.1"
    ulimit -S -n 30
    {
        echo '# Each address needs a socket of its own: close the one that failed.'
        echo '$ peer listen 5300'
        echo 'peer: [listening on 127.0.0.1 port 5300]'
        echo '$ client many.test 5300'
        for i in {2..41} 1; do
            echo "127.0.0.$i many.test" >>"$folder/names"
            echo 'client: Socket successfully created'
            echo "client: IP of many.test 127.0.0.$i"
        done
        echo 'client: Connected to 127.0.0.1 port 5300'
    } | NAMES=$folder/names play
}

@test "step 4: the server may be at an IPv6 address" {
    needs_ipv6
    play <<'END'
# Make the socket of the family that this address has.
$ peer listen ::1 5300
peer: [listening on ::1 port 5300]
$ client localhost6.test 5300
client: Socket successfully created
client: IP of localhost6.test ::1
client: Connected to ::1 port 5300
peer: [accepted]
client< ^D
peer: [end of file]
peer< close
# HOST and PORT are two operands: a colon may be a part of the first.
$ client ::1 5300
client2: Socket successfully created
client2: IP of ::1 ::1
client2: Connected to ::1 port 5300
peer: [accepted]
END
}

@test "step 4: when no address answers, the client exits 1" {
    play <<'END'
$ peer hold 5300
peer: [holding 127.0.0.1 port 5300]
$ client nobody.test 5300
client: Socket successfully created
client: IP of nobody.test 127.0.0.2
client: Socket successfully created
client: IP of nobody.test 127.0.0.3
# Behind the loop there may be no connection: say so, and exit 1.
client! *
(client exits 1)
END
}

@test "step 4: a name that does not resolve: its reason, and exit 1" {
    for name in unknown later broken; do
        case $name in
        unknown) error=EAI_NONAME ;;
        later) error=EAI_AGAIN ;;
        broken) error=EAI_FAIL ;;
        esac
        play <<END
# What getaddrinfo returns is no errno. gai_strerror(3) has the words.
\$ client $name.test 5300
client! *$(build/support/peer reason $error)*
(client exits 1)
END
    done
}

@test "step 5: the client prints the answer to each name" {
    { client_asks; cat <<END; } | play_hindered timeouts=50
# An answer has as many lines as it has: print each one when it has come. The
# empty line, which is its end, is not printed.
client< www.juniv.edu
# All of the name is sent: len bytes, for the size of a pointer is 8.
peer: www.juniv.edu\n
peer< send IP of www.juniv.edu 203.0.113.80\nIP of www.juniv.edu 2001:db8::80\n
client: IP of www.juniv.edu 203.0.113.80
client: IP of www.juniv.edu 2001:db8::80
(client idles)
peer< bytes IP of www.juniv.edu 203.0.113.7\n\r\n
client: IP of www.juniv.edu 203.0.113.7
# The empty line ends the answer: then the next name is read.
client< unknown.test
peer: unknown.test\n
# A lookup that failed is an answer like any other.
peer< send unknown.test: $unknown\n\n
client: unknown.test: $unknown
client< one.test
peer: one.test\n
peer< send one.test: $unknown\n\n
client: one.test: $unknown
# A line without a name is sent, and answered, too. So is a NUL, if it comes.
client< 
peer: \n
peer< send : $unknown\n\n
client: : $unknown
client< 100%d%s.test
peer: 100%d%s.test\n
peer< send 100%d%s\0.test: $unknown\n\n
client: 100%d%s\0.test: $unknown
END
}

@test "step 5: at the end of input the client ends" {
    { client_asks; cat <<END; } | play
client< unknown.test^D
peer: unknown.test*
peer< send unknown.test: $unknown\n\n
client: unknown.test: $unknown
peer: [end of file]
peer< finish
(client exits 0)
END
}

@test "step 5: when the server is gone, the client says so and exits 1" {
    for gone in close reset; do
        { client_asks; cat <<END; } | play
client< www.test
peer: www.test\n
peer< send IP of www.test 203.0.113.80\n
client: IP of www.test 203.0.113.80
# The end of file is not the end of an answer: that is an empty line.
peer< $gone
client! *
(client exits 1)
END
        { client_asks; cat <<END; } | play
peer< $gone
client< www.test
client! *
(client exits 1)
END
    done
    { client_asks; cat <<END; } | play
# To send to somebody who is gone raises SIGPIPE, unless it is ignored, and
# fails.
(client idles)
peer< finish
peer< reset
client< www.test
client! *
(client exits 1)
END
}

@test "step 5: a long name is asked for, and answered" {
    name=$(repeat 900 n)
    { client_asks; cat <<END; } | play
client< $name
peer: $name\n
peer< send $name: $unknown\n\n
client: $name: $unknown
# A typed line of more than 1024 bytes is not sent: warn, and read the next.
client< $(repeat 1024 n)
client! *
client< unknown.test
peer: unknown.test\n
# What the client receives has a limit, too.
client: ...
peer< send $(repeat 3000 x)
client! *
(client exits 1)
END
}

@test "step 5: server and client together" {
    printf 'www.test\nunknown.test\nsix.test' >"$folder/typed"
    play <<END
\$ server 5300
server: Listening on 127.0.0.1 port 5300
\$ client localhost 5300 < $folder/typed
server: Client 1 connected from 127.0.0.1 port *
server: Client 1 asked for www.test: 3 addresses
server: Client 1 asked for unknown.test: $unknown
server: Client 1 asked for six.test: 1 address
server: Client 1 disconnected (0 still connected)
client: Socket successfully created
client: IP of localhost 127.0.0.1
client: Connected to 127.0.0.1 port 5300
client: IP of www.test 203.0.113.80
client: IP of www.test 2001:db8::80
client: IP of www.test 203.0.113.7
client: unknown.test: $unknown
client: IP of six.test 2001:db8::6
(client exits 0)
END
}

@test "step 5: the handout's transcripts" {
    play "handouts/$lab.md"
}
