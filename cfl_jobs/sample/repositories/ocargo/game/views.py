from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from game.route import drive


def level(request: HttpRequest) -> HttpResponse:
    program = request.GET.get("program", "forwards forwards left forwards").split()
    return render(request, "game/level.html", {"program": program, "van": drive(program)})
