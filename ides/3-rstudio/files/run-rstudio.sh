#!/bin/sh
# Starts RStudio's server behind the front on port 8888, for whatever user ID the platform picked.
#
#   NB_PREFIX        path that the platform serves this workbench under, such as /notebook/team/name
#   WORKBENCH_TOKEN  token that opens it (a new one at every start, which the log shows); without one,
#                    NB_PREFIX or WORKBENCH_AUTH=platform leave it to the platform who gets in
#   CRAN_MIRROR      where install.packages() looks (see Rprofile.site)
set -eu

umask 0002
# Kubeflow and JupyterHub mount the user's volume there.
[ ! -w /home/jovyan ] || export HOME=/home/jovyan
# Everything that the server writes of its own, new at every start and for this user only.
own=$(mktemp -d "${TMPDIR:-/tmp}/rstudio.XXXXXX")
mkdir "$own/data" "$own/database"
printf 'provider=sqlite\ndirectory=%s\n' "$own/database" >"$own/database.conf"
cat /proc/sys/kernel/random/uuid >"$own/secure-cookie-key"
chmod 600 "$own/database.conf" "$own/secure-cookie-key"

# The server asks for its user by name, and a user ID that the image does not know has none.
if ! id -un >/dev/null 2>&1; then
    cat /etc/passwd >"$own/passwd"
    echo "workbench:x:$(id -u):$(id -g):workbench:$HOME:/bin/bash" >>"$own/passwd"
    export LD_PRELOAD="libnss_wrapper.so${LD_PRELOAD:+:$LD_PRELOAD}"
    export NSS_WRAPPER_PASSWD="$own/passwd" NSS_WRAPPER_GROUP=/etc/group
fi
USER=$(id -un)
export USER
export SHELL="${SHELL:-/bin/bash}"

exec python -I -m workbench_front --name rstudio --strip-prefix --health / -- \
    /opt/app-root/bin/rstudio/rserver.sh /usr/lib/rstudio-server/bin/rserver \
    --www-port '{port}' --www-root-path '{prefix}/' --server-user "$USER" \
    --server-data-dir "$own/data" --server-pid-file "$own/rserver.pid" \
    --secure-cookie-key-file "$own/secure-cookie-key" --database-config-file "$own/database.conf"
