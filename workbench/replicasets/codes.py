"""The numbers that stand for what went wrong: those of gpu-docker-api, so that its clients go on working."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """The `code` of a response."""

    OK = 200
    BUSY = 500
    BODY = 1000
    IMAGE_EMPTY = 1001
    NAME_EMPTY = 1002
    NAME_DASH = 1003
    RUN = 1004
    DELETE = 1005
    EXECUTE = 1006
    PATCH = 1007
    EXISTS = 1008
    NOTHING_TO_PATCH = 1009
    STOP = 1010
    RESTART = 1011
    GPUS_NEGATIVE = 1012
    GPUS_TOO_FEW = 1013
    PORTS_TOO_FEW = 1014
    COMMIT = 1015
    INFO = 1016
    HISTORY = 1017
    PAUSE = 1018
    CONTINUE = 1019
    VERSION_NEGATIVE = 1020
    ROLLBACK = 1021
    VERSION_SAME = 1022
    VOLUME_CREATE = 1023
    VOLUME_NAME_EMPTY = 1024
    VOLUME_DELETE = 1025
    VOLUME_EXISTS = 1026
    VOLUME_SAME_SIZE = 1028
    VOLUME_UNIT = 1029
    VOLUME_USED = 1030
    VOLUME_DASH = 1031
    VOLUME_SLASH = 1032
    VOLUME_INFO = 1033
    VOLUME_HISTORY = 1034
    VOLUME_PATCH = 1035
    # From here on our own.
    QUOTA = 1100
    CPUS_TOO_FEW = 1101
    MEMORY_TOO_LITTLE = 1102
    STORE = 1103
    ENGINE = 1104
    OWNER = 1105
    PRUNE = 1106
    UNSUPPORTED = 1107
    LOGS = 1108
    FILES = 1109
    COMPARE = 1110
    UPGRADE = 1111
    OVERLAPS = 1112
