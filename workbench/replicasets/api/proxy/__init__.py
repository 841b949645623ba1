"""The IDEs of sets below `/s/NAME/`, at an address of their own, after the service's login.

gateway.py    the application: entry, session, then the set       serving.py   its server: a thread and a socket
sessions.py   tickets and sessions     places.py   which set and port an address is of, and at which host
headers.py    what is passed on, and what is not                  guard.py     which pages a request may come from
http.py       requests                 tunnel.py   WebSockets     upstreams.py where a set is reached
entry.py      what is shown in place of a set; entry.html         limits.py    how much at once
"""
