# Read by start-notebook.sh: lets Elyra's pipelines run without network, and finds the platform's settings.

utils=/opt/app-root/bin/utils
export ELYRA_BOOTSTRAP_SCRIPT_URL="file://$utils/bootstrapper.py"
export ELYRA_PIP_CONFIG_URL="file://$utils/pip.conf"
export ELYRA_REQUIREMENTS_URL="file://$utils/requirements-elyra.txt"

token=/var/run/secrets/kubernetes.io/serviceaccount/token
if [ -r "$token" ]; then
    export KF_PIPELINES_SA_TOKEN_ENV="$token"
    export KF_PIPELINES_SA_TOKEN_PATH="$token"
fi

# Pipeline servers that the platform mounts become Elyra runtimes of this user.
if [ -d /opt/app-root/runtimes ]; then
    runtimes=${JUPYTER_DATA_DIR:-$HOME/.local/share/jupyter}/metadata/runtimes
    mkdir -p "$runtimes"
    cp -R /opt/app-root/runtimes/. "$runtimes/"
fi
