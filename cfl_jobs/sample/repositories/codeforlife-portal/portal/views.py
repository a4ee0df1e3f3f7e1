from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

GAMES = (("Rapid Router", "level"),)


def home(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/home.html", {"games": GAMES})
